package gitsync

import (
	"container/heap"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// descends tells whether newer has older in its history, or is it. Commits are
// looked at newest first, which finds a near ancestor quickly; a clock that was
// wrong costs time, not truth.
func (s *store) descends(newer, older plumbing.Hash) (bool, error) {
	if newer == older {
		return true, nil
	}
	if !s.has(older) {
		return false, nil
	}
	seen := map[plumbing.Hash]bool{newer: true}
	first, err := s.commit(newer)
	if err != nil {
		return false, err
	}
	queue := &byTime{first}
	for queue.Len() > 0 {
		c := heap.Pop(queue).(*object.Commit)
		for _, parent := range c.ParentHashes {
			if parent == older {
				return true, nil
			}
			if seen[parent] {
				continue
			}
			seen[parent] = true
			p, err := s.commit(parent)
			if err != nil {
				return false, err
			}
			heap.Push(queue, p)
		}
	}
	return false, nil
}

// recent lists h and up to n-1 first parents, for the server to find common
// ground with after a force-push.
func (s *store) recent(h plumbing.Hash, n int) []plumbing.Hash {
	var list []plumbing.Hash
	for len(list) < n {
		c, err := s.commit(h)
		if err != nil {
			break
		}
		list = append(list, h)
		if len(c.ParentHashes) == 0 {
			break
		}
		h = c.ParentHashes[0]
	}
	return list
}

type byTime []*object.Commit

func (q byTime) Len() int           { return len(q) }
func (q byTime) Less(i, j int) bool { return q[i].Committer.When.After(q[j].Committer.When) }
func (q byTime) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byTime) Push(c any)        { *q = append(*q, c.(*object.Commit)) }
func (q *byTime) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
