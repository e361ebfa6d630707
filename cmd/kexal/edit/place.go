package edit

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A text finds the bytes behind the lines and columns of YAML nodes. Nodes know
// where they start; where they end is read from the bytes.
type text struct {
	src   []byte
	lines []int // offset at which each line starts
}

var byteOrderMark = []byte("\ufeff")

func newText(src []byte) *text {
	t := &text{src: src, lines: []int{0}}
	if bytes.HasPrefix(src, byteOrderMark) {
		t.lines[0] = len(byteOrderMark)
	}
	for i := 0; i < len(src); i++ {
		if src[i] == '\n' || src[i] == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// start is the offset of a node. YAML counts columns in characters.
func (t *text) start(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(t.lines) {
		return 0, t.refuse(n, "this place cannot be found in the file")
	}
	at := t.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(t.src[at:])
		at += size
	}
	if at > len(t.src) {
		return 0, t.refuse(n, "this place cannot be found in the file")
	}
	return at, nil
}

// end is the offset behind the last byte of a node, not counting comments.
func (t *text) end(n *yaml.Node) (int, error) {
	at, err := t.start(n)
	if err != nil {
		return 0, err
	}
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || n.Kind == yaml.AliasNode {
		return 0, t.refuse(n, "anchors, aliases and tags have no place here")
	}
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		if n.Style&yaml.FlowStyle != 0 {
			return t.flowEnd(n, at)
		}
		if len(n.Content) == 0 {
			return at, nil
		}
		return t.lastEnd(n)
	}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.blockScalarEnd(n), nil
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return t.quoteEnd(n, at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return t.quoteEnd(n, at, '\'')
	}
	if !bytes.HasPrefix(t.src[at:], []byte(n.Value)) {
		return 0, t.refuse(n, "this value goes over several lines: write it on one, or in quotes")
	}
	return at + len(n.Value), nil
}

// lastEnd is where the last child of a collection ends. An empty value of a
// mapping has no place of its own: the pair then ends with its key's colon.
func (t *text) lastEnd(n *yaml.Node) (int, error) {
	last := n.Content[len(n.Content)-1]
	if n.Kind == yaml.MappingNode && empty(last) {
		end, _, err := t.colon(n.Content[len(n.Content)-2])
		return end, err
	}
	return t.end(last)
}

func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == ""
}

// colon is the offset behind the colon that follows a key, or behind the key when
// a flow mapping names it alone.
func (t *text) colon(key *yaml.Node) (at int, found bool, err error) {
	if at, err = t.end(key); err != nil {
		return 0, false, err
	}
	for i := at; i < len(t.src); i++ {
		switch t.src[i] {
		case ' ', '\t':
			continue
		case ':':
			return i + 1, true, nil
		}
		break
	}
	return at, false, nil
}

func (t *text) flowEnd(n *yaml.Node, at int) (int, error) {
	closing := byte('}')
	if n.Kind == yaml.SequenceNode {
		closing = ']'
	}
	at++
	if len(n.Content) > 0 {
		end, err := t.lastEnd(n)
		if err != nil {
			return 0, err
		}
		at = end
	}
	// Behind the last child only blanks, a comma and comments stand before the bracket.
	for at < len(t.src) {
		switch t.src[at] {
		case closing:
			return at + 1, nil
		case '#':
			at = t.lineEnd(at)
		case ' ', '\t', '\r', '\n', ',', ':':
			at++
		default:
			return 0, t.refuse(n, "the end of this value cannot be found")
		}
	}
	return 0, t.refuse(n, "the end of this value cannot be found")
}

func (t *text) quoteEnd(n *yaml.Node, at int, quote byte) (int, error) {
	for i := at + 1; i < len(t.src); i++ {
		switch {
		case quote == '"' && t.src[i] == '\\':
			i++
		case quote == '\'' && bytes.HasPrefix(t.src[i:], []byte("''")):
			i++
		case t.src[i] == quote:
			return i + 1, nil
		}
	}
	return 0, t.refuse(n, "the end of this value cannot be found")
}

// blockScalarEnd is the end of the last line with text that is indented deeper than the line
// on which the | or > stands. Its lines may look like comments and are none.
func (t *text) blockScalarEnd(n *yaml.Node) int {
	line := n.Line - 1
	end := t.lineEnd(t.lines[line])
	outer := t.indent(line)
	for line++; line < len(t.lines); line++ {
		if t.blank(line) {
			continue
		}
		if t.indent(line) <= outer {
			break
		}
		end = t.lineEnd(t.lines[line])
	}
	return end
}

// lineEnd is the offset of the line break that follows at, or the end of the file.
func (t *text) lineEnd(at int) int {
	if i := bytes.IndexAny(t.src[at:], "\r\n"); i >= 0 {
		return at + i
	}
	return len(t.src)
}

// lineBreak is what ends the line at this offset; on the last line, what ends the first.
func (t *text) lineBreak(at int) string {
	for _, at := range []int{t.lineEnd(at), t.lineEnd(0)} {
		switch rest := t.src[at:]; {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return "\r\n"
		case len(rest) > 0:
			return string(rest[:1])
		}
	}
	return "\n"
}

// indent counts the spaces at the start of a line.
func (t *text) indent(line int) int {
	at := t.lines[line]
	n := 0
	for at+n < len(t.src) && t.src[at+n] == ' ' {
		n++
	}
	return n
}

func (t *text) blank(line int) bool {
	at := t.lines[line]
	return len(bytes.TrimSpace(t.src[at:t.lineEnd(at)])) == 0
}

// lineOf is the line, counted from 0, that holds an offset.
func (t *text) lineOf(at int) int {
	line := 0
	for line+1 < len(t.lines) && t.lines[line+1] <= at {
		line++
	}
	return line
}

func (t *text) refuse(n *yaml.Node, why string) error {
	return &Refusal{Line: n.Line, Col: n.Column, Why: why}
}
