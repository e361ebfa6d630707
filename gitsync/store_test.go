package gitsync

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// An object that reads well and is another than its name says is damage: what is released is what
// was verified (DESIGN 6). go-git does not compare them.
func TestContentIsWhatItsNameSays(t *testing.T) {
	made := func(content string) (s *store, blob plumbing.Hash, pack string) {
		s, err := openStore(filepath.Join(t.TempDir(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		b := newBuilder(s)
		if blob, err = b.putBlob([]byte(content), plumbing.ZeroHash); err != nil {
			t.Fatal(err)
		}
		text, err := b.pack()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.receive(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		packs, err := filepath.Glob(filepath.Join(s.packDir(), "*.pack"))
		if err != nil || len(packs) != 1 {
			t.Fatalf("%q, %v", packs, err)
		}
		return s, blob, packs[0]
	}
	s, blob, pack := made("image: web:v1")
	_, _, others := made("image: web:v2")
	if got, err := s.load(blob, plumbing.BlobObject, maxFile); err != nil || string(got) != "image: web:v1" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := os.Remove(pack); err != nil { // a pack is read-only
		t.Fatal(err)
	}
	if err := os.WriteFile(pack, readAll(t, others), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cache.Clear()
	s.reopen()
	if got, err := s.load(blob, plumbing.BlobObject, maxFile); !errors.Is(err, errDamaged) || !s.isDamaged() {
		t.Errorf("%q, %v", got, err)
	}
}
