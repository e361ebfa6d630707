package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// The image is what the Deployment takes it for: it starts the agent's binary by itself,
// as a numeric user that is not root, which is all that runAsNonRoot believes. What is copied
// is what `make kexal` makes.
func TestTheImageFitsTheDeployment(t *testing.T) {
	text, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && !strings.HasPrefix(word, "#") {
			said[word] = rest
		}
	}
	from, to, _ := strings.Cut(said["COPY"], " ")
	if said["FROM"] != "scratch" || said["ENTRYPOINT"] != `["`+to+`"]` {
		t.Errorf("the image is %v", said)
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(said["USER"]) {
		t.Errorf("its user is %q", said["USER"])
	}
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if made := strings.ReplaceAll(string(makefile), "$(BUILD)", ".build"); !strings.Contains(made, "CGO_ENABLED=0 go build") || !strings.Contains(made, "-o "+from+" ./cmd/kexal") {
		t.Errorf("make kexal does not make %s", from)
	}
	var d appsv1.Deployment
	decode(t, render(t), "Deployment", &d)
	if c := d.Spec.Template.Spec.Containers[0]; len(c.Command) > 0 || c.Args[0] != "agent" {
		t.Errorf("the Deployment runs %v %v, and the image starts %s", c.Command, c.Args, to)
	}
}
