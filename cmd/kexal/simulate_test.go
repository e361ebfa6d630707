package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The README shows what the command says of the example that it begins with.
func TestSimulationOfReadme(t *testing.T) {
	t.Setenv("LC_ALL", "en_GB.UTF-8")
	var out bytes.Buffer
	cmd := newSimulateCommand()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"../../fixtures/repos/canary/apps/web", "--replicas", "5"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```sh\nkexal simulate apps/web --replicas 5\n```\n\n```\n"+out.String()+"```\n") {
		t.Errorf("README.md shows something else than\n%s", out.String())
	}
}
