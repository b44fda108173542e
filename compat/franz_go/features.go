// Reports the features of compat/features.py, one JSON line each; everything else goes to standard error.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// limit is for one feature; a healthy broker needs a few seconds.
const limit = 60 * time.Second

type feature struct {
	name string
	show func(ctx context.Context) error // nil: the client does not have it
}

type report struct {
	Feature string  `json:"feature"`
	Outcome string  `json:"outcome"`
	Seconds float64 `json:"seconds"`
	Message string  `json:"message"`
}

var names int

// unique makes a name that no other feature and no other run uses.
func unique(stem string) string {
	names++
	return fmt.Sprintf("%s-%s-%d", os.Args[2], stem, names)
}

func run(show func(ctx context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				done <- fmt.Errorf("%v", reason)
			}
		}()
		done <- show(ctx)
	}()
	select {
	case err = <-done:
	case <-time.After(limit + 5*time.Second):
		err = fmt.Errorf("not done in %v", limit)
	}
	return err
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, f := range features {
		if len(os.Args) > 3 && os.Args[3] != f.name {
			continue
		}
		began, line := time.Now(), report{Feature: f.name, Outcome: "passed"}
		if f.show == nil {
			line.Outcome, line.Message = "absent", "the client does not have it"
		} else if err := run(f.show); err != nil {
			line.Outcome, line.Message = "failed", err.Error()
		}
		line.Seconds = time.Since(began).Seconds()
		if err := out.Encode(line); err != nil {
			panic(err)
		}
	}
}

// must is for what a feature takes for granted; run reports its panic.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(good bool, format string, arguments ...any) {
	if !good {
		panic(fmt.Sprintf(format, arguments...))
	}
}

func same(got, want any, what string) {
	check(fmt.Sprint(got) == fmt.Sprint(want), "%s: got %v, want %v", what, got, want)
}

func until(done func() bool, what string) {
	for began := time.Now(); !done(); time.Sleep(20 * time.Millisecond) {
		check(time.Since(began) < 40*time.Second, "never: %s", what)
	}
}
