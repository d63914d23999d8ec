package plan

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// linear is the peak of a run of a fixed part and so much a row.
func linear(fixed, row int64) func(int) (int64, error) {
	return func(rows int) (int64, error) { return fixed + row*int64(rows), nil }
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		memory    int64
		effective int
		fixed     int64
		row       int64
		want      Batch
	}{
		{1000, 256, 50, 8, Batch{Largest: 100, LargestBytes: 850, Rows: 64, Accumulation: 4, Bytes: 562}},
		{1000, 96, 50, 8, Batch{Largest: 100, LargestBytes: 850, Rows: 96, Accumulation: 1, Bytes: 818}},
		{1000, 8, 50, 8, Batch{Largest: 100, LargestBytes: 850, Rows: 8, Accumulation: 1, Bytes: 114}},
		{1000, 211, 50, 8, Batch{Largest: 100, LargestBytes: 850, Rows: 71, Accumulation: 3, Bytes: 618}}, // a prime number
		{1000, 3, 50, 500, Batch{Largest: 1, LargestBytes: 550, Rows: 1, Accumulation: 3, Bytes: 550}},
	} {
		got, err := Fit(c.memory, c.effective, linear(c.fixed, c.row))
		if err != nil || got != c.want {
			t.Errorf("%+v: got %+v, %v", c, got, err)
		}
		if more := c.fixed + c.row*int64(got.Largest+1); float64(more) <= High*float64(c.memory) {
			t.Errorf("%+v: %d rows would fit, too", c, got.Largest+1)
		}
	}
	if _, err := Fit(1000, 8, linear(850, 1)); !errors.Is(err, ErrTooSmall) {
		t.Error(err)
	}
	tooLong := errors.New("a row is too long for this adapter")
	if _, err := Fit(1000, 8, func(int) (int64, error) { return 0, tooLong }); err != tooLong {
		t.Error(err)
	}
	// An adapter's own limit ends the search like a full memory.
	got, err := Fit(1<<40, 64, func(rows int) (int64, error) {
		if rows > 37 {
			return 0, tooLong
		}
		return 1, nil
	})
	if want := (Batch{Largest: 37, LargestBytes: 1, Limit: tooLong, Rows: 32, Accumulation: 2, Bytes: 1}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPass(t *testing.T) {
	if got := Pass(1001, 100, 50); got.Steps != 11 || math.Abs(got.Seconds-20.02) > 1e-9 {
		t.Errorf("%+v", got)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"12GB": 12 << 30, "1.5 GiB": 3 << 29, "800mb": 800 << 20, "4096": 4096, "2kb": 2048} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "much", "-1GB", "0", "NaN", "1e99GB", "12 G"} {
		if _, err := ParseBytes(text); err == nil || !strings.Contains(err.Error(), "12GB") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The rule gives a thirtieth of a row for the case that it is always shown with.
func TestGuide(t *testing.T) {
	if got := Guide(12<<30, 512, 512); math.Abs(got-0.0366) > 1e-4 {
		t.Errorf("%v", got)
	}
}
