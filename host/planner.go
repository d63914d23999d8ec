package host

import "errors"

// Planner is a device that computes nothing and has no memory: whatever is allocated on it is counted in its ledger and
// held against the adapter's limits, as on the adapter itself. So a program's own code says, before it runs, what it will
// take: what is made on a planner fits the adapter exactly as far as its ledger and its Err say.
func Planner(adapter Info) *Device {
	d := &Device{Info: adapter, planning: true, choices: map[string]Choice{}}
	d.ledger.init()
	return d
}

// errPlanning is the error of what a planner cannot do.
var errPlanning = errors.New("host: a planner computes nothing")
