package gitsync

import (
	"errors"
	"io/fs"
	"strings"
)

// Why a path in a repository is not read.
var (
	ErrSymlink    = errors.New("is a symbolic link, which is not followed: put the file itself in its place")
	ErrSubmodule  = errors.New("is a submodule, which is not fetched: put its files in this repository")
	ErrUnsafeName = errors.New("has a name that no Git tool may write: rename it")
)

// unsafeName tells whether a name in a tree could mean something else on some
// file system: the repository's own directory, or a way out. Git refuses to
// write these; here nothing is written, and they are refused all the same,
// since what is read goes on to tools that may.
func unsafeName(name string) bool {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return true
	}
	folded := strings.ToLower(strings.Map(dropIgnored, name))
	folded, _, _ = strings.Cut(folded, ":")
	folded = strings.TrimRight(folded, " .")
	return folded == ".git" || folded == "git~1"
}

// dropIgnored drops what HFS+ does not see in a name.
func dropIgnored(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}

// checkPath holds for a clean relative path of safe names, and for ".".
func checkPath(path string) error {
	if !fs.ValidPath(path) {
		return fs.ErrInvalid
	}
	if path == "." {
		return nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if unsafeName(name) {
			return ErrUnsafeName
		}
	}
	return nil
}
