package corpus

import (
	"bytes"
	_ "embed"
	"sync"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

//go:generate go test -run ^TestTokenizerIsTrainedOnTheCorpus$ -update

//go:embed tokenizer.json
var tokenizerJSON []byte

// Tokenizer returns the tokenizer trained on the corpus: 512 tokens, of which
// <|endoftext|> is 0, <|im_start|> 1 and <|im_end|> 2. Every Chinese character of
// the corpus is one token or part of a longer one.
func Tokenizer() *tokenizer.Tokenizer { return loadTokenizer() }

var loadTokenizer = sync.OnceValue(func() *tokenizer.Tokenizer {
	t, err := tokenizer.Load(bytes.NewReader(tokenizerJSON))
	if err != nil {
		panic("corpus: the embedded tokenizer.json: " + err.Error())
	}
	return t
})
