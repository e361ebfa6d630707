package render

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kexal/kexal/strategies"
)

// Every rollout.yaml below the roots is one rollout, however many roots reach it (SPEC
// 1.1).
func TestFind(t *testing.T) {
	tree := commit(
		"rollout.yaml", "",
		"apps/web/rollout.yaml", "",
		"apps/web/rollout.yaml.bak", "",
		"apps/api/rollout.yaml", "",
		"apps/api/v2/rollout.yaml", "",
		"apps/docs/README.md", "",
		"infra/db/rollout.yaml", "",
	)
	tree["apps/dir/rollout.yaml/x"] = &fstest.MapFile{} // a directory of that name is none
	for _, c := range []struct {
		roots string
		want  []string
	}{
		{".", []string{".", "apps/api", "apps/api/v2", "apps/web", "infra/db"}},
		{"apps", []string{"apps/api", "apps/api/v2", "apps/web"}},
		{"./apps/", []string{"apps/api", "apps/api/v2", "apps/web"}},
		{"infra apps apps/api", []string{"apps/api", "apps/api/v2", "apps/web", "infra/db"}},
		{"apps/docs", nil},
	} {
		got, err := Find(tree, strings.Fields(c.roots))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("below %q: %q, %v; want %q", c.roots, got, err, c.want)
		}
	}
}

// A root that is not there is said by its name, and those that are there are followed
// all the same.
func TestFindMissingRoot(t *testing.T) {
	dirs, err := Find(commit("apps/web/rollout.yaml", ""), []string{"apps", "app"})
	var mistakes strategies.Mistakes
	if !errors.As(err, &mistakes) || err.Error() != "app: there is no such directory in the commit: mend --path, or add it" || !slices.Equal(dirs, []string{"apps/web"}) {
		t.Errorf("found %q, %v", dirs, err)
	}
}

// A rollout.yaml that is a symbolic link is still somebody's rollout: reading it says
// what is wrong, and it is not taken as removed (SPEC 1.4).
func TestFindLink(t *testing.T) {
	tree := commit("apps/web/web.yaml", "")
	tree["apps/web/rollout.yaml"] = &fstest.MapFile{Data: []byte("../shared/rollout.yaml"), Mode: fs.ModeSymlink}
	if dirs, err := Find(tree, []string{"."}); err != nil || !slices.Equal(dirs, []string{"apps/web"}) {
		t.Errorf("found %q, %v", dirs, err)
	}
}
