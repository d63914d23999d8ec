package chat

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed chatml.jinja
var chatMLJinja string

// Jinja is the template in Jinja, for other programs: it writes what Render writes.
func (t ChatML) Jinja() string {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
	}
	return fmt.Sprintf("{%%- set start = %s -%%}\n{%%- set end = %s -%%}\n{%%- set default_system = %s -%%}\n{%%- set think = %t -%%}\n",
		quote(t.Start), quote(t.End+"\n"), quote(t.DefaultSystem), t.Think) + chatMLJinja
}
