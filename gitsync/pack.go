package gitsync

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/hash"
)

// receive adds a pack to the store. It is written aside, read through with its
// checksum, and only then given its name, so half a pack never counts. It is
// not synced to disk: a cache that a power cut damaged is fetched anew.
//
// go-git's own PackfileWriter does this with a goroutine, and leaves its files
// behind when the pack is bad.
func (s *store) receive(pack io.Reader) error {
	tmp, err := os.CreateTemp(s.packDir(), "tmp_pack_")
	if err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	defer tmp.Close()
	n, err := io.Copy(tmp, pack)
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("the server sent an empty pack")
	}
	if err := checkSum(tmp, n); err != nil {
		return fmt.Errorf("the server sent a bad pack: %w", err)
	}
	sum, idx, err := indexPack(tmp)
	if err != nil {
		return fmt.Errorf("the server sent a bad pack: %w", err)
	}

	tmpIdx, err := os.CreateTemp(s.packDir(), "tmp_idx_")
	if err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	defer os.Remove(tmpIdx.Name())
	_, err = idxfile.NewEncoder(tmpIdx).Encode(idx)
	if err := errors.Join(err, tmpIdx.Close(), tmp.Close()); err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	base := filepath.Join(s.packDir(), "pack-"+sum.String())
	// The index first: a reader lists the packs and then wants their indexes.
	if err := os.Rename(tmpIdx.Name(), base+".idx"); err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	if err := os.Rename(tmp.Name(), base+".pack"); err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	s.reopen()
	return nil
}

// checkSum holds for a pack whose last 20 bytes are the hash of the others.
// go-git checks that too, but takes a pack that was cut right before them.
func checkSum(f io.ReadSeeker, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := hash.New(hash.CryptoType)
	if size < int64(h.Size()) {
		return io.ErrUnexpectedEOF
	}
	if _, err := io.CopyN(h, f, size-int64(h.Size())); err != nil {
		return err
	}
	told := make([]byte, h.Size())
	if _, err := io.ReadFull(f, told); err != nil {
		return err
	}
	if !bytes.Equal(told, h.Sum(nil)) {
		return errors.New("its checksum is wrong")
	}
	return nil
}

func indexPack(f io.ReadSeeker) (sum plumbing.Hash, idx *idxfile.MemoryIndex, err error) {
	defer func() {
		if p := recover(); p != nil { // a pack is input from outside
			err = fmt.Errorf("%v", p)
		}
	}()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sum, nil, err
	}
	w := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(f), w)
	if err != nil {
		return sum, nil, err
	}
	if sum, err = parser.Parse(); err != nil {
		return sum, nil, err
	}
	idx, err = w.Index()
	return sum, idx, err
}
