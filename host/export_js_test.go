package host

import "syscall/js"

func (b *backend) lose(why string) { b.script.Set("lost", why) }

// Destroy destroys the device behind the program's back, as a lost GPU does.
func (d *Device) Destroy() { d.backend.raw.Call("destroy") }

// Ready is the promise that the oldest copy has arrived.
func (r *Readback) Ready() js.Value { return r.slots[r.first].Get("ready") }
