package gitsync

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kexal/kexal/fixtures/gitserver"
)

// What can be told wrong without asking anybody, in a sentence, and without
// repeating a password.
func TestOptionsThatAreRefused(t *testing.T) {
	const secret = "hunter2"
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.URL = "http://git.corp/shop.git" }, "use https"},
		{func(o *Options) { o.URL = "http://10.0.0.1/shop.git" }, "use https"},
		{func(o *Options) { o.URL = "http://127.0.0.1.evil.example/shop.git" }, "use https"},
		{func(o *Options) { o.URL = "ssh://git@git.corp/shop.git" }, "holds a user"},
		{func(o *Options) { o.URL = "git@git.corp:shop.git" }, "cannot be read"},
		{func(o *Options) { o.URL = "file:///srv/shop.git" }, "names no host"},
		{func(o *Options) { o.URL = "ext::sh -c id" }, "names no host"},
		{func(o *Options) { o.URL = "git://git.corp/shop.git" }, "is not https"},
		{func(o *Options) { o.URL = "/srv/shop.git" }, "names no host"},
		{func(o *Options) { o.URL = "https://git.corp/" }, "no repository"},
		{func(o *Options) { o.URL = "https://ada:" + secret + "@git.corp/shop.git" }, "holds a user or a password"},
		{func(o *Options) { o.URL = "https://git.corp/shop.git?token=" + secret }, "query"},
		{func(o *Options) { o.URL = "https://ada:" + secret + "@git.corp/%zz" }, "cannot be read"},
		{func(o *Options) { o.Branch = "" }, "branch is needed"},
		{func(o *Options) { o.Branch = "refs/heads/main" }, "short name"},
		{func(o *Options) { o.Branch = "../../config" }, "not a name that Git allows"},
		{func(o *Options) { o.Branch = "a b" }, "not a name that Git allows"},
		{func(o *Options) { o.CacheDir = "" }, "cache directory"},
		{func(o *Options) { o.UsernameFile = "/u" }, "password file"},
		{func(o *Options) { o.CredentialsDir, o.PasswordFile = "/c", "/p" }, "given twice"},
		{func(o *Options) { o.Timeout = -1 }, "negative"},
	} {
		o := Options{URL: "https://git.corp/shop.git", Branch: "main", CacheDir: t.TempDir()}
		c.change(&o)
		_, err := Open(o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", o.URL, o.Branch, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the password shows: %v", err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:1/a", "http://127.8.9.10/a", "http://[::1]:1/a", "http://localhost/a", "https://git.corp/a/b.git"} {
		if _, err := Open(Options{URL: url, Branch: "main", CacheDir: t.TempDir()}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A CA of one's own is accepted when given, refused when not, and read again
// when it changes.
func TestOwnCA(t *testing.T) {
	r := newRepo(t, gitserver.TLS())
	r.commit("a", "one")
	poll(t, r.mirror())

	unknown := r.mirror(func(o *Options) { o.CAFile = "" })
	_, _, err := unknown.Poll(context.Background())
	if want := "mirror " + r.url + ": certificate signed by unknown authority: give its CA with --ca-file"; err == nil || err.Error() != want || !errors.Is(err, ErrUntrusted) {
		t.Errorf("%v\nwant\n%s", err, want)
	}

	file := filepath.Join(t.TempDir(), "ca.pem")
	rotated := r.mirror(func(o *Options) { o.CAFile = file })
	if _, _, err := rotated.Poll(context.Background()); err == nil {
		t.Error("a CA file that is not there was accepted")
	}
	overwrite(t, file, []byte("not a certificate"))
	if _, _, err := rotated.Poll(context.Background()); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("%v", err)
	}
	other := newRepo(t, gitserver.TLS())
	overwrite(t, file, readAll(t, other.server.CAFile()))
	if _, _, err := rotated.Poll(context.Background()); !errors.Is(err, ErrUntrusted) || !strings.HasSuffix(err.Error(), ": put its CA into "+file) {
		t.Errorf("another CA: %v", err)
	}
	overwrite(t, file, readAll(t, r.server.CAFile()))
	poll(t, rotated)
	overwrite(t, file, readAll(t, other.server.CAFile()))
	if _, _, err := rotated.Poll(context.Background()); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a CA that was taken away is still trusted: %v", err)
	}
}

// A certificate that is trusted, and for another name.
func TestCertificateForAnotherName(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS() // with a certificate for 127.0.0.1 and example.com
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	overwrite(t, ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for host, want := range map[string]error{"127.0.0.1": ErrDenied, "localhost": ErrUntrusted} { // 404 when trusted
		url := strings.Replace(s.URL, "127.0.0.1", host, 1) + "/shop.git"
		m, err := Open(Options{URL: url, Branch: "main", CacheDir: t.TempDir(), CAFile: ca})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Poll(context.Background()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", host, err, want)
		}
		_ = m.Close()
	}
}

// Basic credentials: right, wrong, none, and rotated while running. The
// password never shows.
func TestBasicAuth(t *testing.T) {
	const password, next = "s3cret-one", "s3cret-two"
	r := newRepo(t, gitserver.BasicAuth("ada", password))
	r.commit("a", "one")
	dir := secretDir(t, map[string]string{"username": "ada", "password": password + "\n"})
	m := r.mirror(func(o *Options) { o.CredentialsDir = dir })
	l := r.ledger(func(o *Options) {
		o.UsernameFile, o.PasswordFile = filepath.Join(dir, "username"), filepath.Join(dir, "password")
	})
	poll(t, m)
	publish(t, l, change(0, "shop/web/status.yaml", "a"))

	r.server.SetAuth("ada", next)
	denied := func(what string, err error, fix string) {
		t.Helper()
		if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), fix) {
			t.Errorf("%s: %v", what, err)
		}
		if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), next) {
			t.Errorf("%s: the password shows: %v", what, err)
		}
	}
	_, _, err := m.Poll(context.Background())
	denied("old password", err, "check the user and the password, or the token, in "+dir)
	_, err = l.Publish(context.Background(), change(1, "shop/web/status.yaml", "b"))
	denied("old password, ledger", err, dir)
	_, _, err = r.mirror().Poll(context.Background())
	denied("none", err, "none are given")
	_, _, err = r.mirror(func(o *Options) { o.CredentialsDir = t.TempDir() }).Poll(context.Background())
	denied("empty directory", err, "holds no credentials")

	overwrite(t, filepath.Join(dir, "password"), []byte(next))
	poll(t, m)
	publish(t, l, change(1, "shop/web/status.yaml", "b"))
}

// A bearer token is sent as one, and wins over a password.
func TestBearerToken(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	defer s.Close()
	dir := secretDir(t, map[string]string{"username": "ada", "password": "p", "bearerToken": "t0ken\n"})
	m, err := Open(Options{URL: s.URL + "/shop.git", Branch: "main", CacheDir: t.TempDir(), CredentialsDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, _, err = m.Poll(context.Background())
	if !errors.Is(err, ErrDenied) || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("%v", err)
	}
	if len(got) != 1 || got[0] != "Bearer t0ken" {
		t.Errorf("sent %q", got)
	}
}

// Redirected to another host: it is told, and gets no request and so no
// password. Redirected on the same host, as forges do for a forgotten ".git":
// followed.
func TestRedirects(t *testing.T) {
	r := newRepo(t, gitserver.BasicAuth("ada", "s3cret"))
	r.commit("a", "one")
	dir := secretDir(t, map[string]string{"username": "ada", "password": "s3cret"})
	elsewhere := httptest.NewServer(http.RedirectHandler(r.url+"/info/refs?service=git-upload-pack", http.StatusFound))
	defer elsewhere.Close()
	m, err := Open(Options{URL: elsewhere.URL + "/shop.git", Branch: "main", CacheDir: t.TempDir(), CredentialsDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, _, err = m.Poll(context.Background())
	if err == nil || !strings.Contains(err.Error(), "redirects to "+strings.TrimSuffix(r.url, "/shop.git")+", which is not followed") {
		t.Errorf("%v", err)
	}
	if got := r.server.Requests(); got != (gitserver.Counts{}) {
		t.Errorf("the other host was asked: %+v", got)
	}

	same := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/shop/") {
			http.Redirect(w, req, strings.Replace(req.URL.String(), "/shop/", "/shop.git/", 1), http.StatusMovedPermanently)
			return
		}
		r.server.ServeHTTP(w, req)
	}))
	defer same.Close()
	f, err := Open(Options{URL: same.URL + "/shop", Branch: "main", CacheDir: t.TempDir(), CredentialsDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, _ := poll(t, f); read(t, s, "a") != "one" {
		t.Error("not read")
	}
}

// No such repository; nobody listening; an answer that is no Git.
func TestOtherAnswers(t *testing.T) {
	r := newRepo(t)
	gone := r.mirror(func(o *Options) { o.URL = strings.Replace(o.URL, "shop", "none", 1) })
	if _, _, err := gone.Poll(context.Background()); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "no such repository") {
		t.Errorf("no repository: %v", err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>\x1b[31mhello</html>"))
	}))
	m, err := Open(Options{URL: s.URL + "/shop.git", Branch: "main", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, _, err = m.Poll(context.Background())
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("no Git: %q", err)
	}
	s.Close()
	_, _, err = m.Poll(context.Background())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody: %v", err)
	}
}

// Down: an error. Up again: all is well, and what changed meanwhile is seen.
func TestServerDownAndBack(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	m, l := r.mirror(), r.ledger()
	old, _ := poll(t, m)
	r.server.SetDown(true)
	want := r.commit("a", "two")
	_, _, err := m.Poll(context.Background())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "status 503") {
		t.Errorf("%v", err)
	}
	if _, err := l.Publish(context.Background(), change(0, "shop/web/status.yaml", "a")); !errors.Is(err, ErrUnreachable) {
		t.Errorf("ledger: %v", err)
	}
	if got := read(t, old, "a"); got != "one" {
		t.Errorf("the old snapshot reads %q", got)
	}
	r.server.SetDown(false)
	if s, moved := poll(t, m); !moved || s.Commit != want {
		t.Errorf("back: %+v moved=%v", s, moved)
	}
	publish(t, l, change(0, "shop/web/status.yaml", "a"))
}

// A server that does not answer is given up after the timeout; and at once when
// the caller is no longer interested.
func TestSlowServer(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "one")
	m := r.mirror(func(o *Options) { o.Timeout = 100 * time.Millisecond })
	r.server.SetDelay(time.Hour)
	_, _, err := m.Poll(context.Background())
	host := strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/shop.git")
	if want := "mirror " + r.url + ": the server is silent for 100ms: see whether " + host + ", or a proxy on the way to it, hangs"; !errors.Is(err, ErrUnreachable) || err.Error() != want {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.mirror().Poll(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A download that stalls half way, one that is too large and one that is cut:
// an error each, nothing kept, and the next poll is well.
func TestDownloadsThatGoWrong(t *testing.T) {
	r := newRepo(t)
	noise := make([]byte, 0, 1<<18)
	for x := uint32(1); len(noise) < cap(noise); { // does not compress
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise = append(noise, byte(x))
	}
	r.commit("a", string(noise))
	for name, c := range map[string]struct {
		wrong   func(w http.ResponseWriter, req *http.Request, rest []byte)
		timeout time.Duration
		limit   int64
		want    string
	}{
		"stalls": {
			wrong:   func(_ http.ResponseWriter, req *http.Request, _ []byte) { <-req.Context().Done() },
			timeout: 2 * time.Second, want: "the server is silent for 2s",
		},
		"too large": {
			wrong: func(w http.ResponseWriter, _ *http.Request, rest []byte) { _, _ = w.Write(rest) },
			limit: 1 << 16, want: "is larger than 65536 bytes",
		},
		"cut": {
			wrong: func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) },
			want:  "EOF",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var well atomic.Bool
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if well.Load() || !strings.HasSuffix(req.URL.Path, "/git-upload-pack") {
					r.server.ServeHTTP(w, req)
					return
				}
				whole := httptest.NewRecorder()
				r.server.ServeHTTP(whole, req)
				body := whole.Body.Bytes()
				half := len(body) / 2
				w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
				_, _ = w.Write(body[:half])
				w.(http.Flusher).Flush()
				c.wrong(w, req, body[half:])
			}))
			defer s.Close()
			o := Options{URL: s.URL + "/shop.git", Branch: "main", CacheDir: t.TempDir(), Timeout: c.timeout, MaxBytes: c.limit}
			m, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			_, _, err = m.Poll(context.Background())
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(m.store.packDir()); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if c.limit > 0 {
				return
			}
			well.Store(true)
			if s, _ := poll(t, m); read(t, s, "a") != string(noise) {
				t.Error("not read well afterwards")
			}
		})
	}
}

// An answer may take its time as long as something comes; but neither stop nor
// go on for ever. In a bubble whose clock costs nothing.
func TestAnswersHaveTheirTime(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // before each byte
		bytes int
		want  error
		after time.Duration
	}{
		"steady":   {20 * time.Second, 20, nil, 400 * time.Second},
		"stalls":   {31 * time.Second, 20, errSilent, 30 * time.Second},
		"trickles": {20 * time.Second, 1000, errEndless, 600 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &guard{next: drip{c.pause, c.bytes}, silence: 30 * time.Second, maxBytes: 1 << 20}
				req := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
				start := time.Now()
				res, err := g.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, res.Body)
				if !errors.Is(err, c.want) || time.Since(start) != c.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.want, c.after)
				}
				_ = res.Body.Close()
			})
		})
	}
}

// A drip answers one byte at a time.
type drip struct {
	pause time.Duration
	bytes int
}

func (d drip) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: &dripping{req.Context(), d.pause, d.bytes}}, nil
}

type dripping struct {
	ctx   context.Context
	pause time.Duration
	left  int
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.pause):
		d.left--
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (d *dripping) Close() error { return nil }
