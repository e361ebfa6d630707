//go:build race

package strategies_test

// raced: the race detector looks on, and everything takes many times as long.
const raced = true
