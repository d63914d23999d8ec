package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestLine(t *testing.T) {
	want := Record{Step: 3, Epoch: 1, Loss: 2.5, LearningRate: 1e-3, GradNorm: math.NaN(), Tokens: 1 << 40, Skipped: 2, ValidationLoss: 2.25,
		Perplexity: 9.5, TokensPerSecond: 1000, Seconds: 1.5, Mark: "spike", Values: map[string]float64{"noise_scale": 7, "load_cv": 0.5}}
	line, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"step":3,"epoch":1,"loss":2.5,"learning_rate":0.001,"grad_norm":null,"tokens":1099511627776,"skipped":2,` +
		`"validation_loss":2.25,"perplexity":9.5,"tokens_per_second":1000,"seconds":1.5,"mark":"spike","load_cv":0.5,"noise_scale":7}`
	if string(line) != text {
		t.Errorf("got  %s\nwant %s", line, text)
	}
	var got Record
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	line, err = json.Marshal(Record{Step: 1, Loss: math.Inf(1)})
	if err != nil {
		t.Fatal(err)
	}
	const short = `{"step":1,"epoch":0,"loss":null,"learning_rate":0,"grad_norm":0,"tokens":0,"skipped":0,"tokens_per_second":0,"seconds":0}`
	if string(line) != short {
		t.Errorf("got  %s\nwant %s", line, short)
	}
}

func TestRead(t *testing.T) {
	records, err := Read("m", strings.NewReader(`{"step":1,"loss":3,"experts":[1,2],"note":"x"}`+"\n\n"+`{"step":4,"loss":2}`+"\n"+`{"step":5,"lo`))
	want := []Record{{Step: 1, Loss: 3}, {Step: 4, Loss: 2}}
	if diff := cmp.Diff(want, records); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	for text, says := range map[string]string{
		"{\"step\":1}\nhello\n":                    "m, line 2: not a line of metrics: invalid character 'h'",
		"{\"step\":1}\n{\"step\":2,\"lo\n":         "m, line 2",
		"{\"loss\":1}\n":                           `m, line 1: not a line of metrics: there is no "step"`,
		"{\"step\":1,\"loss\":\"big\"}\n":          `"loss" is big: must be a number`,
		"{\"step\":1.5}\n":                         `"step" is 1.5`,
		"{\"step\":null}\n":                        `"step"`,
		"[1]\n":                                    "m, line 1",
		"{\"step\":2}\n{\"step\":2}\n":             "m, line 2: step 2 comes after step 2",
		"{\"step\":1}\n\x00\x00\x00\x00\x00\x00\n": "m, line 2",
	} {
		if _, err := Read("m", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one that says %q", text, err, says)
		}
	}
	if records, err := Read("m", strings.NewReader("{\"step\":1}\nhello\n")); len(records) != 1 || err == nil {
		t.Errorf("%d records before the damaged line, error %v", len(records), err)
	}
}

func line(step int, loss float64) string {
	return fmt.Sprintf(`{"step":%d,"loss":%v}`+"\n", step, loss)
}

func TestFollow(t *testing.T) {
	f := NewFollower("m")
	for i, c := range []struct {
		file  string
		again bool
		want  []Record
	}{
		{"", false, nil},
		{line(1, 3) + line(2, 2)[:9], false, []Record{{Step: 1, Loss: 3}}},
		{line(1, 3) + line(2, 2)[:9], false, nil},
		{line(1, 3) + line(2, 2) + line(3, 1), false, []Record{{Step: 2, Loss: 2}, {Step: 3, Loss: 1}}},
		{line(1, 3) + line(2, 2), true, []Record{{Step: 1, Loss: 3}, {Step: 2, Loss: 2}}},
		{line(1, 3) + line(2, 2) + line(3, 1) + line(4, 1), false, []Record{{Step: 3, Loss: 1}, {Step: 4, Loss: 1}}},
		// cut off and written on past the old end between two looks
		{line(1, 3) + line(2, 2.5) + line(3, 1) + line(4, 1) + line(5, 1)[:3], true, []Record{{Step: 1, Loss: 3}, {Step: 2, Loss: 2.5}, {Step: 3, Loss: 1}, {Step: 4, Loss: 1}}},
		{"", true, nil},
	} {
		records, again, err := f.Next(strings.NewReader(c.file))
		if diff := cmp.Diff(c.want, records); diff != "" || again != c.again || err != nil {
			t.Errorf("look %d: again %v, error %v, (-want +got):\n%s", i, again, err, diff)
		}
	}
	if _, _, err := f.Next(strings.NewReader(line(1, 3) + "x\n")); err == nil || !strings.Contains(err.Error(), "m, line 2") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	for step := range 5000 {
		l, _ := json.Marshal(Record{Step: int64(step + 1), Loss: 1.2345678901234, LearningRate: 0.000123456789, GradNorm: 0.12345678})
		text.Write(append(l, '\n'))
	}
	for b.Loop() {
		if _, err := Read("m", strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}
