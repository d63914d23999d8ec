package host

import (
	"errors"
	"syscall/js"
)

// Await waits for a promise. It must not run inside a js.FuncOf callback, nor must what waits for the device: the event
// loop stands still until that returns, and the promise is never kept. Start a goroutine there.
func Await(promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	kept := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{value: args[0]}
		return nil
	})
	defer kept.Release()
	broken := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer broken.Release()
	promise.Call("then", kept, broken)
	r := <-settled
	return r.value, r.err
}
