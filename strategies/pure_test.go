package strategies

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure are the directories whose code decides and does nothing else. This one stands for
// all below it, too.
var pure = []string{"../gitsync/ledger", "../reconciler/release"}

// forbidden are the imports with which code could do something, or depend on more than
// its arguments; one that ends in a slash stands for all below it, too.
var forbidden = []string{
	"os/", "net/", "io/ioutil", "io/fs", "log/", "math/rand/", "crypto/rand", "context", "syscall", "runtime/", "embed",
	"k8s.io/client-go/", "github.com/go-git/", "github.com/rs/zerolog/",
}

// clocks are what package time offers beyond values.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick"}

// TestPure: code that decides does no I/O, reads no clock, logs nothing and draws no lots.
func TestPure(t *testing.T) {
	for _, dir := range append(packages(t, "."), pure...) {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		read := 0
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			read++
			for _, fault := range impurities(t, path, nil) {
				t.Error(fault)
			}
		}
		if read == 0 {
			t.Errorf("%s holds no Go files: its package moved, move this test with it", dir)
		}
	}
}

// packages are a directory and those below it that hold Go files.
func packages(t *testing.T, root string) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case filepath.Ext(path) == ".go" && !slices.Contains(dirs, filepath.Dir(path)):
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(dirs, "simulated") {
		t.Errorf("the simulated world is not among %v", dirs)
	}
	return dirs
}

// TestPureCatches: the rule above is able to fail.
func TestPureCatches(t *testing.T) {
	const impure = `package p

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	clock "time"

	"github.com/go-git/go-git/v5"
	"k8s.io/client-go/dynamic"
)

var later = clock.AfterFunc

func f() {
	fmt.Sprint(clock.Now(), clock.Second, rand.Int(), slog.Default(), git.ErrNotFound, dynamic.Interface(nil))
}
`
	got := impurities(t, "p.go", impure)
	want := []string{
		"p.go:5:2: imports log/slog",
		"p.go:6:2: imports math/rand/v2",
		"p.go:9:2: imports github.com/go-git/go-git/v5",
		"p.go:10:2: imports k8s.io/client-go/dynamic",
		"p.go:13:13: uses time.AfterFunc",
		"p.go:16:13: uses time.Now",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := impurities(t, "p.go", "package p\n\nimport . \"time\"\n"); len(got) != 1 {
		t.Errorf("an import of all names of time was not seen: %q", got)
	}
	if got := impurities(t, "p.go", "package p\n\nimport \"time\"\n\nvar t = time.Time{}.Add(time.Second)\n"); len(got) != 0 {
		t.Errorf("time as a value is no fault: %q", got)
	}
}

// impurities are the faults of one file; src is its text, or nil to read it.
func impurities(t *testing.T, path string, src any) (faults []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	fault := func(at token.Pos, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s: ", files.Position(at))+fmt.Sprintf(format, args...))
	}
	clock := ""
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		for _, no := range forbidden {
			if imported == strings.TrimSuffix(no, "/") || strings.HasSuffix(no, "/") && strings.HasPrefix(imported, no) {
				fault(spec.Pos(), "imports %s", imported)
			}
		}
		if imported != "time" {
			continue
		}
		switch clock = "time"; {
		case spec.Name != nil && spec.Name.Name == ".":
			fault(spec.Pos(), "imports all names of time")
		case spec.Name != nil:
			clock = spec.Name.Name
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(clocks, s.Sel.Name) {
			fault(s.Pos(), "uses time.%s", s.Sel.Name)
		}
		return true
	})
	return faults
}
