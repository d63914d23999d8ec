package host

func (b *backend) lose(why string) { b.script.Set("lost", why) }
