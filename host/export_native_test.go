//go:build !js

package host

func (b *backend) lose(why string) { b.gone.Store(&why) }
