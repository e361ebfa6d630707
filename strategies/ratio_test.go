package strategies_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kexal/kexal/strategies"
)

// ratio says how many pods each side gets at each weight.
func ratio(args words) (string, error) {
	n, err := strconv.Atoi(args.value("n"))
	if err != nil {
		return "", err
	}
	surge := args.value("surge") == "yes"
	var b strings.Builder
	for _, a := range args {
		if a.Key != "weights" {
			continue
		}
		for _, text := range a.Vals {
			w, err := strconv.Atoi(text)
			if err != nil {
				return "", err
			}
			c, s := strategies.Split(int32(n), w, surge)
			fmt.Fprintf(&b, "%3d%%: %d candidate, %d stable, that is %d%%\n", w, c, s, strategies.Share(c, s))
		}
	}
	return b.String(), nil
}
