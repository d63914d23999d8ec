package corpus

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// A seed's documents are part of every run made with it: they must not change.
func TestDocumentIsFixedByItsNumber(t *testing.T) {
	for index, want := range []string{
		"小明有一朵绿色的花，汤姆有一个蓝色的苹果。他们在学校里交换。现在小明有蓝色的苹果，汤姆有绿色的花。",
		"Leo has eight cups. He gives two cups to Tom. Now Leo has six cups.",
		"Tom hides a green bag at the school. Anna looks for it in the park, but it is not there. Then Anna goes to the school and finds the green bag.",
		"It is night. Leo and Anna read a blue book at home. The bird and the dog sleep. Good night, Leo.",
		"一只蓝色的小猫饿了。小红和安娜在森林里给它一个苹果。小猫吃了苹果，和安娜一起回家。",
		"Lily has a green ball. She goes to the park and meets Anna. She gives the green ball to Anna. Now Anna has the green ball.",
	} {
		if got := Document(1, index); got != want {
			t.Errorf("Document(1, %d) = %q, want %q", index, got, want)
		}
	}
	if Document(1, 7) == Document(2, 7) {
		t.Error("seeds 1 and 2 have the same document 7")
	}
}

func TestDocumentsYieldsEachByNumber(t *testing.T) {
	got := slices.Collect(Documents(3, 5))
	for i, document := range got {
		if document != Document(3, i) {
			t.Errorf("document %d = %q, want %q", i, document, Document(3, i))
		}
	}
	if len(got) != 5 {
		t.Errorf("got %d documents, want 5", len(got))
	}
	for range Documents(3, 5) {
		break // must stop, not panic
	}
}

// Every template is filled, ends as a sentence and has the language it claims.
func TestDocumentsAreCleanText(t *testing.T) {
	for document := range Documents(4, 5000) {
		sentences := strings.FieldsFunc(document, func(r rune) bool { return strings.ContainsRune(".。", r) })
		if !utf8.ValidString(document) || strings.ContainsAny(document, "{}\n") || len(sentences) < 3 || len(sentences) > 4 {
			t.Fatalf("not a clean document of three or four sentences: %q", document)
		}
		latin := strings.ContainsFunc(document, func(r rune) bool { return unicode.Is(unicode.Latin, r) })
		han := strings.ContainsFunc(document, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		if latin && han {
			t.Fatalf("two languages in one document: %q", document)
		}
	}
}

// Held-out documents measure something only if they are not in training.
func TestHeldOutDocumentsAreNew(t *testing.T) {
	const training, heldOut = 5000, 1000
	known := map[string]bool{}
	for document := range Documents(5, training) {
		known[document] = true
	}
	repeated := 0
	for i := range heldOut {
		if known[Document(5, training+i)] {
			repeated++
		}
	}
	if repeated > heldOut/10 {
		t.Errorf("%d of %d held-out documents are in training", repeated, heldOut)
	}
	if len(known) < training*9/10 {
		t.Errorf("only %d of %d training documents differ", len(known), training)
	}
}

// Every scene occurs, and both languages of a scene use the same facts.
func TestScenesMirrorEachOther(t *testing.T) {
	// A slot that only one language needs: words for the same person.
	pronouns := []string{"{He}", "{him}", "{his}", "{a thing}", "{a second}"}
	slots := func(template string) []string {
		var found []string
		for _, piece := range strings.Split(template, "{")[1:] {
			slot := "{" + piece[:strings.Index(piece, "}")+1]
			slot = strings.Replace(slot, "{a ", "{", 1)
			if !slices.Contains(pronouns, slot) && !slices.Contains(found, slot) {
				found = append(found, slot)
			}
		}
		slices.Sort(found)
		return found
	}
	for _, s := range scenes {
		if english, chinese := slots(s.english), slots(s.chinese); !slices.Equal(english, chinese) {
			t.Errorf("slots differ:\n%s %q\n%s %q", s.english, english, s.chinese, chinese)
		}
	}
}

func TestSumsAreRight(t *testing.T) {
	seen := map[[2]int]bool{}
	r := newRandom(6, 0)
	for range 5000 {
		part, rest, whole := drawParts(&r)
		if part < 1 || rest < 1 || whole > largest || part+rest != whole {
			t.Fatalf("%d + %d = %d", part, rest, whole)
		}
		seen[[2]int{part, rest}] = true
	}
	if want := largest * (largest - 1) / 2; len(seen) != want {
		t.Errorf("%d different sums, want %d", len(seen), want)
	}
	for _, c := range []struct{ got, want string }{
		{sum(2, 3, 5, false, false, true), "2 + 3 = 5."},
		{sum(9, 4, 5, true, true, true), "9 - 4 = 5."},
		{sum(2, 3, 5, false, false, false), "Two plus three is five."},
		{sum(10, 1, 9, true, false, false), "Ten minus one is nine."},
		{sum(2, 3, 5, false, true, false), "二加三等于五。"},
		{sum(10, 1, 9, true, true, false), "十减一等于九。"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
