package shaders

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// BenchmarkAttention measures each kernel on two rows of 512 tokens, 8 heads of 64 over 2 key/value heads. GFLOP/s
// count the multiplications and additions of the causal half alone.
func BenchmarkAttention(b *testing.B) {
	a := packed(8, 2, 64, []int{512}, []int{512}).random(1, 1)
	buffers := a.upload(b)
	calls := append([]host.Call{a.forwardCall(buffers)}, a.backwardCalls(buffers)...)
	products := map[string]float64{"attention_forward": 2, "attention_backward_query": 3, "attention_backward_key": 3, "attention_backward_value": 2}
	seen := 2 * 512 * 513 / 2 * a.H // pairs of query and key
	for _, call := range calls {
		b.Run(call.Kernel.Name, func(b *testing.B) {
			d := hosttest.Device(b)
			r := d.Record(call)
			defer r.Release()
			for range 3 {
				d.Replay(nil, r)
			}
			if err := d.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				d.Replay(nil, r)
			}
			if err := d.Wait(); err != nil {
				b.Fatal(err)
			}
			flops := products[call.Kernel.Name] * 2 * float64(seen*a.D)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
