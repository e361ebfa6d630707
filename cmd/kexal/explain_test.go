package main

import (
	"bytes"
	"os"
	"testing"
)

// Colours are for a terminal that moves its cursor, and for people who did not say no.
func TestPainted(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if !painted(terminal) || painted(file) || painted(&bytes.Buffer{}) {
		t.Error("a terminal is painted, and nothing else")
	}
	t.Setenv("TERM", "dumb")
	if painted(terminal) {
		t.Error("painted on a terminal that cannot")
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	if painted(terminal) {
		t.Error("painted in spite of NO_COLOR")
	}
}
