package strategies

import "strings"

// suggestion says what to write instead of an unknown field: the nearest of the names
// when it is near, else all of them.
func suggestion(word string, names []string) string {
	if near := Nearest(word, names); near != "" {
		return "write " + near
	}
	return "write one of " + strings.Join(names, ", ")
}

// Nearest is the name that a misspelt word is likely meant to be; empty when none is near.
func Nearest(word string, names []string) string {
	best, far := "", 3
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < far {
			best, far = name, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
