// Package message is what the page's workers tell each other and keep in the browser's storage, as MessagePack. The page
// itself speaks plain objects with them: it only shows text.
package message

//go:generate go run github.com/tinylib/msgp -io=false -tests=false
//msgp:tuple Point
//msgp:limit arrays:16777216 marshal:true

// Point is a step as charts show it.
type Point struct {
	Step            int64
	Tokens          int64   // targets learnt from so far
	Seconds         float64 // spent training so far
	Loss            float64
	LearningRate    float64
	GradNorm        float64
	TokensPerSecond float64
	Validation      float64 // loss on documents held out; 0: none at this step
}

// Points tells the charts of a run. A step that comes again means that the run went back to before it.
type Points struct {
	Run    string  `msg:"run"`  // which one
	Name   string  `msg:"name"` // as people read it
	Points []Point `msg:"points"`
}

// Run is what is kept of a run beside its checkpoint.
type Run struct {
	ID       string  `msg:"id"`       // when it began
	Name     string  `msg:"name"`     // as people read it
	Settings []byte  `msg:"settings"` // of the page, as JSON
	Text     string  `msg:"text"`     // the name of its text; empty for the embedded corpus
	Shard    string  `msg:"shard"`    // the file that holds its tokens, if it has one
	Base     string  `msg:"base"`     // the file that holds the model which its adapters are for, if it has adapters
	Seconds  float64 `msg:"seconds"`  // spent training
	Step     int64   `msg:"step"`     // of its checkpoint
	Saved    int64   `msg:"saved"`    // when, in milliseconds since 1970
	Points   []Point `msg:"points"`
}
