// This package has a comment that is long enough by far, as it goes on for more
// than two lines and would be read to its end, but begins with the wrong words,
// so that go doc shows it oddly.
package wrong // want "does not begin with"
