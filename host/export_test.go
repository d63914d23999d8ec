package host

// Lose makes the device look as if its GPU had vanished.
func (d *Device) Lose(why string) { d.backend.lose(why) }

// Split makes Replay put at most n dispatches into one submission.
func (r *Recording) Split(n int) { r.replays, r.split = 2, n }
