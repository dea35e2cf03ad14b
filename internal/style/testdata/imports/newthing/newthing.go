// Package newthing was added without a rule.
package newthing // want "newthing has no rule"
