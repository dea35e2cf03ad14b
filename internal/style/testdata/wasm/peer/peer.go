// Package peer builds where there are processes alone.
package peer

import "syscall"

// Signal is what the browser does not have.
const Signal = syscall.SIGSTOP // want "does not build for js/wasm: undefined: syscall.SIGSTOP"
