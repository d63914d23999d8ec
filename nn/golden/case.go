package golden

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/nlpodyssey/safetensors"
)

// testCase is a case with the comparisons made so far. Its first error sticks.
type testCase struct {
	Kind          string       `json:"kind"`
	Config        config.Model `json:"config"`
	Accumulation  int          `json:"accumulation"`
	LearningRates []float64    `json:"learning_rates"` // of each step
	GradClip      float64      `json:"grad_clip"`
	Optimizer     struct {
		Beta1       float64 `json:"beta1"`
		Beta2       float64 `json:"beta2"`
		Eps         float64 `json:"eps"`
		WeightDecay float64 `json:"weight_decay"`
	} `json:"optimizer"`
	LoRARank           int               `json:"lora_rank"`
	Beta               float64           `json:"beta"`
	LogProb            string            `json:"log_prob"` // of a row: "sum" or "mean" of its tokens'
	TeacherConfig      config.Model      `json:"teacher_config"`
	Alpha              float64           `json:"alpha"`
	Temperature        float64           `json:"temperature"`
	HashedWeightsScale float64           `json:"hashed_weights_scale"` // not 0: weights are recomputed, see hashedParameter
	PromptLength       int               `json:"prompt_length"`
	Rows               []scheduleRow     `json:"rows"`
	Cases              []samplingOptions `json:"cases"`

	folder fs.FS
	files  map[string]map[string]*tensor // by the file's name without extension, then the tensor's
	used   map[string]bool               // expected tensors that were compared
	checks []Check
	err    error
}

// tensor is a tensor of a case, its values in float64 whatever the file holds.
type tensor struct {
	shape  []int
	values []float64
}

// read reads case.json.
func read(folder fs.FS) (*testCase, error) {
	text, err := fs.ReadFile(folder, "case.json")
	if err != nil {
		return nil, fmt.Errorf("not a golden case: %w", err)
	}
	c := &testCase{folder: folder, files: map[string]map[string]*tensor{}, used: map[string]bool{}}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("case.json: %w", err)
	}
	if slices.Contains([]string{"train", "lora", "dpo", "distill", "forward", "generate"}, c.Kind) {
		if err := c.Config.Validate(); err != nil {
			return nil, fmt.Errorf("case.json: config: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return c, nil
}

// tensor returns a tensor of a file, which must have the given shape; -1 fits any length.
func (c *testCase) tensor(file, name string, shape ...int) *tensor {
	t := c.file(file)[name]
	if t == nil {
		c.fail(fmt.Errorf("%s.safetensors: there is no tensor %s", file, name))
		return &tensor{shape: slices.Repeat([]int{0}, len(shape))}
	}
	fits := len(t.shape) == len(shape)
	for i := range shape {
		fits = fits && (shape[i] < 0 || shape[i] == t.shape[i])
	}
	if !fits {
		c.fail(fmt.Errorf("%s.safetensors: %s has the shape %v, want %v", file, name, t.shape, shape))
		return &tensor{shape: slices.Repeat([]int{0}, len(shape))}
	}
	if file == "expect" {
		c.used[name] = true
	}
	return t
}

// file returns all tensors of a file, which is read once.
func (c *testCase) file(name string) map[string]*tensor {
	if tensors, ok := c.files[name]; ok {
		return tensors
	}
	tensors, err := readTensors(c.folder, name+".safetensors")
	if err != nil {
		c.fail(err)
	}
	c.files[name] = tensors
	return tensors
}

func (c *testCase) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// unused is an error when a tensor that was expected was compared with nothing.
func (c *testCase) unused() error {
	for _, name := range slices.Sorted(maps.Keys(c.files["expect"])) {
		if !c.used[name] {
			return fmt.Errorf("expect.safetensors: nothing was compared with %s", name)
		}
	}
	return nil
}

func readTensors(folder fs.FS, name string) (map[string]*tensor, error) {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	all, err := safetensors.Deserialize(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	tensors := map[string]*tensor{}
	for _, view := range all.Tensors() {
		values, err := toFloat64(view.TensorView)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, view.Name, err)
		}
		t := &tensor{values: values}
		for _, n := range view.TensorView.Shape() {
			t.shape = append(t.shape, int(n))
		}
		tensors[view.Name] = t
	}
	return tensors, nil
}

func toFloat64(v safetensors.TensorView) ([]float64, error) {
	data := v.Data()
	values := make([]float64, len(data)/int(v.DType().Size()))
	for i := range values {
		switch v.DType() {
		case safetensors.F32:
			values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		case safetensors.F64:
			values[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		case safetensors.I32:
			values[i] = float64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		default:
			return nil, errors.New("it is neither F32, F64 nor I32")
		}
	}
	return values, nil
}

// part is the tensor at an index of the first dimensions.
func (t *tensor) part(index ...int) *tensor {
	shape, values := t.shape, t.values
	for _, i := range index {
		size := len(values) / max(shape[0], 1)
		values, shape = values[i*size:(i+1)*size], shape[1:]
	}
	return &tensor{shape, values}
}

func (t *tensor) float32s() []float32 {
	out := make([]float32, len(t.values))
	for i, v := range t.values {
		out[i] = float32(v)
	}
	return out
}

// ids are the values as token ids of a vocabulary.
func (c *testCase) ids(t *tensor) []uint32 {
	out := make([]uint32, len(t.values))
	for i, v := range t.values {
		if v < 0 || v >= float64(c.Config.VocabSize) {
			c.fail(fmt.Errorf("token %v is not in the vocabulary of %d", v, c.Config.VocabSize))
			return out
		}
		out[i] = uint32(v)
	}
	return out
}
