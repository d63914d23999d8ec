//go:build !js

package main

import (
	"fmt"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/shaders"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// matmulShapes are the (I, O) of the 26M model's linear layers: queries and outputs, keys and values, gate and up,
// down, and the head.
var matmulShapes = [][2]int{{512, 512}, {512, 128}, {512, 1408}, {1408, 512}, {512, 6400}}

// benchKernels prints the speed of the three matrix products of training. On a software adapter the floor is gonum's
// float32 product in the same run on the same cores; on a GPU with a known peak, the share of it.
func (p *program) benchKernels(d *host.Device, peak float64) error {
	n := 16384
	if d.Info.CPU {
		n = 1024
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	floor := "gonum\tratio"
	if !d.Info.CPU {
		floor = "of peak\t"
	}
	fmt.Fprintf(table, "\nmatrix product, GFLOP/s\tN\tI\tO\t\t%s\t\n", floor)
	for _, shape := range matmulShapes {
		for _, product := range []string{"forward", "backward_input", "backward_weight"} {
			if p.ctx.Err() != nil {
				return nil
			}
			m := newMatmul(d, product, n, shape[0], shape[1])
			gpu, cpu := m.measure(d)
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.1f\t", product, n, shape[0], shape[1], gpu/1e9)
			switch {
			case d.Info.CPU:
				fmt.Fprintf(table, "%.1f\t%.2fx\t\n", cpu/1e9, gpu/cpu)
			case peak > 0:
				fmt.Fprintf(table, "%.1f%%\t\t\n", 100*gpu/peak)
			default:
				fmt.Fprint(table, "not known\t\t\n")
			}
			m.release()
			if err := d.Wait(); err != nil {
				return err
			}
		}
	}
	return table.Flush()
}

// matmul is one product, on the device and by gonum.
type matmul struct {
	flops     float64 // of one product
	repeat    int     // products in one replay
	recording *host.Recording
	buffers   []*host.Buffer
	gonum     func()
}

func newMatmul(d *host.Device, product string, n, in, out int) *matmul {
	m := &matmul{flops: 2 * float64(n) * float64(in) * float64(out)}
	m.repeat = max(1, int(2e11/m.flops)) // long beside a submission
	if d.Info.CPU {
		m.repeat = 1
	}
	x, weight, dout := m.matrix(d, n, in), m.matrix(d, out, in), m.matrix(d, n, out)
	N, I, O := uint32(n), uint32(in), uint32(out)
	var call host.Call
	switch product {
	case "forward":
		call = shaders.MatmulForward{N: N, I: I, O: O, X: x.buffer, Weight: weight.buffer, Out: dout.buffer}.Call()
		m.gonum = func() { blas32.Gemm(blas.NoTrans, blas.Trans, 1, x.values, weight.values, 0, dout.values) }
	case "backward_input":
		call = shaders.MatmulBackwardInput{N: N, I: I, O: O, Dout: dout.buffer, Weight: weight.buffer, Dx: x.buffer}.Call()
		m.gonum = func() { blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, dout.values, weight.values, 0, x.values) }
	case "backward_weight":
		call = shaders.MatmulBackwardWeight{N: N, I: I, O: O, Part: N, Dout: dout.buffer, X: x.buffer, Dweight: weight.buffer}.Call()
		m.gonum = func() { blas32.Gemm(blas.Trans, blas.NoTrans, 1, dout.values, x.values, 0, weight.values) }
	}
	calls := make([]host.Call, m.repeat)
	for i := range calls {
		calls[i] = call
	}
	m.recording = d.Record(calls...)
	return m
}

// onBoth is a matrix here and on the device.
type onBoth struct {
	values blas32.General
	buffer *host.Buffer
}

func (m *matmul) matrix(d *host.Device, rows, columns int) onBoth {
	r := rand.New(rand.NewPCG(uint64(rows), uint64(columns)))
	values := make([]float32, rows*columns)
	for i := range values {
		values[i] = r.Float32() - 0.5
	}
	b := d.Allocate("bench", "matrix", int64(4*len(values)))
	d.Write(b, 0, host.AsBytes(values))
	m.buffers = append(m.buffers, b)
	return onBoth{blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: values}, b}
}

// measure returns the best FLOP/s of a few turns of each; gonum's only where the device is the same cores.
func (m *matmul) measure(d *host.Device) (device, gonum float64) {
	replay := func() {
		d.Replay(nil, m.recording)
		d.Wait()
	}
	replay() // compiles
	replay() // is paced
	for range 5 {
		device = max(device, m.flops*float64(m.repeat)/seconds(replay))
		if d.Info.CPU {
			gonum = max(gonum, m.flops/seconds(m.gonum))
		}
	}
	return device, gonum
}

func seconds(f func()) float64 {
	start := time.Now()
	f()
	return time.Since(start).Seconds()
}

func (m *matmul) release() {
	m.recording.Release()
	for _, b := range m.buffers {
		b.Release()
	}
}
