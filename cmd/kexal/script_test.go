package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the real binary and the real git.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kexal": func() {
		if at, err := time.Parse(time.RFC3339, os.Getenv("KEXAL_TEST_NOW")); err == nil {
			now = func() time.Time { return at }
		}
		main()
	}})
}

// rewrite takes what the commands print now as what they should (`make accept`): read the diff.
var rewrite = flag.Bool("rewrite", false, "write down what the commands print")

func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../fixtures/repos")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *rewrite,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(append(env.Vars, isolated...), "EXAMPLES="+examples)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"repository":       repository,
			"ledger":           ledger,
			"repository-moves": moves,
			"stands":           stands,
			"example":          example,
			"image":            image,
			"status":           status,
		},
	})
}

// isolated keeps git from the settings of who runs the tests, and kexal from their clusters.
var isolated = []string{
	"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "TZ=UTC", "LC_ALL=C",
	"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@shop.example",
	"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@shop.example",
	"KUBECONFIG=/dev/null",
}

// repository DIR makes the bare remote.git with the files of DIR on main, and clone, a clone of it.
func repository(ts *testscript.TestScript, _ bool, args []string) {
	remote := remote(ts)
	git(ts, ".", "init", "--quiet", "--bare", "--initial-branch=main", remote)
	push(ts, ts.MkAbs(args[0]), "main", "web: use image v2")
	git(ts, ".", "clone", "--quiet", remote, filepath.Join(ts.Getenv("WORK"), "clone"))
}

// ledger DIR pushes the files of DIR as the next commit of kexal/status.
func ledger(ts *testscript.TestScript, _ bool, args []string) {
	push(ts, ts.MkAbs(args[0]), "kexal/status", "web: a transition")
}

// repository-moves DIR pushes the files of DIR to main, as somebody else would.
func moves(ts *testscript.TestScript, _ bool, args []string) {
	push(ts, ts.MkAbs(args[0]), "main", "web: the next")
}

// example NAME is repository, with the files of an example of fixtures/repos.
func example(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs("example")
	ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join(ts.Getenv("EXAMPLES"), args[0]))))
	repository(ts, false, []string{dir})
}

// image TAG makes it the image of apps/web, in the working tree where the script stands.
func image(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs("apps/web/deployment.yaml")
	text := regexp.MustCompile(`shop/web:\S+`).ReplaceAllString(ts.ReadFile(file), "shop/"+args[0])
	ts.Check(os.WriteFile(file, []byte(text), 0o644))
}

// status FILE NAME=COMMIT... pushes FILE as the status of shop/web, with the commits that it
// calls NAME, in capitals. Without a source it is the last one that is named.
func status(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, arg := range append(args[1:], "source="+args[len(args)-1][strings.Index(args[len(args)-1], "=")+1:]) {
		name, commit, _ := strings.Cut(arg, "=")
		text = strings.ReplaceAll(text, "commit: "+strings.ToUpper(name), "commit: "+git(ts, ".", "rev-parse", commit))
	}
	dir := filepath.Join(ts.Getenv("WORK"), "ledger")
	ts.Check(os.MkdirAll(filepath.Join(dir, "shop", "web"), 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "shop", "web", "status.yaml"), []byte(text), 0o644))
	ledger(ts, false, []string{dir})
}

// push makes the files of a directory the next commit of a branch. The directory
// itself stays as it is: git's own files are kept beside it.
func push(ts *testscript.TestScript, dir, branch, message string) {
	at := []string{"--git-dir", dir + ".git", "--work-tree", dir}
	run := func(args ...string) { git(ts, dir, append(at[:len(at):len(at)], args...)...) }
	if _, err := os.Stat(dir + ".git"); err != nil {
		run("init", "--quiet", "--initial-branch="+branch)
	}
	run("add", "--all", ".")
	run("commit", "--quiet", "--allow-empty", "-m", message)
	run("push", "--quiet", remote(ts), "HEAD:refs/heads/"+branch)
}

func remote(ts *testscript.TestScript) string { return filepath.Join(ts.Getenv("WORK"), "remote.git") }

// git runs it, and gives what it prints.
func git(ts *testscript.TestScript, dir string, args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Dir = filepath.Clean(ts.MkAbs(dir))
	cmd.Env = append(isolated[:len(isolated):len(isolated)], "HOME="+ts.Getenv("HOME"), "PATH="+ts.Getenv("PATH"))
	for _, date := range []string{"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"} { // a script that sets them knows its commits
		cmd.Env = append(cmd.Env, date+"="+ts.Getenv(date))
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
