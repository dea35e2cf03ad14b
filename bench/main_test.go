package main

import (
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args      []string
		status    int
		out, errs string // what each must contain
	}{
		{nil, 0, "ring", ""},
		{[]string{"nosuch"}, 2, "", `unknown verb "nosuch"`},
		{[]string{"ring", "-nosuch"}, 2, "", "nosuch"},
		{[]string{"ring", "-members", "many"}, 2, "", "members"},
		{[]string{"ring", "-members", "0"}, 2, "", "-members"},
		{[]string{"ring", "-partitions", "100"}, 2, "", "-partitions"},
		{[]string{"ring", "-only", "nosuch"}, 2, "", "-only"},
		{[]string{"ring", "-only", "("}, 2, "", "-only"},
		{[]string{"ring", "-time", "0s"}, 2, "", "-time"},
		{[]string{"ring", "-json", "no/such/folder"}, 1, "", "no/such/folder"},
		{[]string{"reconcile", "-strategy", "nosuch"}, 2, "", "-strategy"},
		{[]string{"reconcile", "-keys", "0"}, 2, "", "-keys"},
		{[]string{"reconcile", "-keys", "10", "-diff", "11"}, 2, "", "-diff"},
		{[]string{"reconcile", "-runs", "0"}, 2, "", "-runs"},
		{[]string{"heal", "-cut", "0s"}, 2, "", "-cut"},
		{[]string{"ring", "again"}, 2, "", "again"},
		{[]string{"crdt", "-seeds", "0"}, 2, "", "-seeds"},
		{[]string{"ring", "-h"}, 0, "-tokens", ""},
	} {
		var out, errs strings.Builder
		if got := run(c.args, &out, &errs); got != c.status {
			t.Errorf("%v: status %d, want %d", c.args, got, c.status)
		}
		if !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.errs) {
			t.Errorf("%v: output %q, errors %q", c.args, out.String(), errs.String())
		}
	}
}
