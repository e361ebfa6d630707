//go:build teeth

package main

import (
	"os"

	"github.com/kexal/kexal/strategies"
)

// guardsOff switches off the guard that BREAK names: a build with the tag `teeth` is made
// to be caught by the demo and the stories, and is never released.
func guardsOff() strategies.Guards {
	return strategies.Guards{Ready: os.Getenv("BREAK") == "ready", Drain: os.Getenv("BREAK") == "drain"}
}
