package corpus

import (
	"hash/fnv"
	"strings"
)

// Question is a question about the corpus's world, which is answered in the words of its stories and sums.
type Question struct {
	Text    string
	Answer  string // the only right one
	Wrong   string // an answer that could be right in another story
	Thought string // how to come to the answer; empty if it is plain to see
}

// heldOutShare is the share of questions that no conversation asks, in percent.
const heldOutShare = 10

// heldOut tells the questions that only HeldOut asks from those that only conversations ask.
func (q Question) heldOut() bool {
	h := fnv.New64a()
	h.Write([]byte(q.Text))
	return h.Sum64()%100 < heldOutShare
}

// HeldOut returns question number index of a seed, of those that no conversation of this package asks.
func HeldOut(seed uint64, index int) Question {
	r := newRandom(seed, index)
	return drawQuestion(&r, true)
}

// drawQuestion draws a question that is held out, or one that is not.
func drawQuestion(r *random, heldOut bool) Question {
	for {
		chinese := r.below(2) == 1
		var q Question
		if r.below(100) < sumsShare {
			q = askSum(r, chinese)
		} else {
			q = askStory(r, chinese)
		}
		if q.heldOut() == heldOut {
			return q
		}
	}
}

// askStory begins a story and asks how it goes on.
func askStory(r *random, chinese bool) Question {
	f := drawFacts(r)
	t := &tales[r.below(len(tales))]
	told, w := t.english, f.english
	if chinese {
		told, w = t.chinese, f.chinese
	}
	say := w()
	return Question{Text: say.fill(told[0]), Answer: say.fill(told[1]), Wrong: say.fill(told[2]), Thought: say.fill(told[3])}
}

// askSum asks for a sum, in digits or words.
func askSum(r *random, chinese bool) Question {
	part, rest, whole := drawParts(r)
	left, result, minus := part, whole, r.below(2) == 1
	if minus {
		left, result = whole, part
	}
	digits := r.below(2) == 0
	wrong := result + 1
	if result == largest || result > 1 && r.below(2) == 0 {
		wrong = result - 1
	}
	say := func(result int) string { return sum(left, rest, result, minus, chinese, digits) }
	q := Question{Answer: say(result), Wrong: say(wrong)}
	switch {
	case digits:
		q.Text, _, _ = strings.Cut(q.Answer, "=")
		q.Text += "= ?"
	case chinese:
		q.Text, _, _ = strings.Cut(q.Answer, "等于")
		q.Text += "等于几?"
	default:
		q.Text, _, _ = strings.Cut(q.Answer, " is ")
		q.Text = "What is " + strings.ToLower(q.Text[:1]) + q.Text[1:] + "?"
	}
	return q
}

// tale is a story with a question at its end: text, answer, a wrong answer and the thought that leads to the right one,
// in both languages, with the slots of scenes.
type tale struct{ english, chinese [4]string }

var tales = []tale{
	{ // who has it
		[4]string{"{hero} has {a thing} and {friend} has {a second}. Who has the {thing}?",
			"{hero} has the {thing}.", "{friend} has the {thing}.", ""},
		[4]string{"{hero}有{a thing}，{friend}有{a second}。谁有{thing}?",
			"{hero}有{thing}。", "{friend}有{thing}。", ""},
	},
	{ // who has the other
		[4]string{"{hero} has {a thing} and {friend} has {a second}. Who has the {second}?",
			"{friend} has the {second}.", "{hero} has the {second}.", ""},
		[4]string{"{hero}有{a thing}，{friend}有{a second}。谁有{second}?",
			"{friend}有{second}。", "{hero}有{second}。", ""},
	},
	{ // a gift
		[4]string{"{hero} has {a thing}. {He} goes to {place} and meets {friend}. {He} gives the {thing} to {friend}. Who has the {thing} now?",
			"Now {friend} has the {thing}.", "Now {hero} has the {thing}.", "{hero} gives the {thing} to {friend}."},
		[4]string{"{hero}有{a thing}。{He}去{place}，看见了{friend}。{He}把{thing}送给{friend}。现在谁有{thing}?",
			"现在{friend}有{thing}。", "现在{hero}有{thing}。", "{hero}把{thing}送给{friend}。"},
	},
	{ // a place
		[4]string{"In the morning, {hero} and {friend} go to {place}. They see a {colour} {animal}. Where is the {animal}?",
			"The {animal} is {at place}.", "The {animal} is {at elsewhere}.", ""},
		[4]string{"早上，{hero}和{friend}去{place}。他们看见一只{colour}{animal}。{animal}在哪?",
			"{animal}在{at place}。", "{animal}在{at elsewhere}。", ""},
	},
	{ // a hungry animal
		[4]string{"A {colour} {animal} is hungry. {hero} gives it an apple {at place}. Who eats the apple?",
			"The {animal} eats the apple.", "{hero} eats the apple.", ""},
		[4]string{"一只{colour}{animal}饿了。{hero}在{at place}给它一个苹果。谁吃了苹果?",
			"{animal}吃了苹果。", "{hero}吃了苹果。", ""},
	},
	{ // getting more
		[4]string{"{hero} has {part}. {friend} gives {him} {rest}. What does {hero} have now?",
			"Now {hero} has {whole}.", "Now {hero} has {part}.", "{hero} has {part} and gets {rest}."},
		[4]string{"{hero}有{part}。{friend}给{him}{rest}。现在{hero}有几{measure}?",
			"现在{hero}有{whole}。", "现在{hero}有{part}。", "{hero}有{part}，{friend}给{him}{rest}。"},
	},
	{ // giving away
		[4]string{"{hero} has {whole}. {He} gives {rest} to {friend}. What does {hero} have now?",
			"Now {hero} has {part}.", "Now {hero} has {whole}.", "{hero} has {whole} and gives {rest}."},
		[4]string{"{hero}有{whole}。{He}送给{friend}{rest}。现在{hero}有几{measure}?",
			"现在{hero}有{part}。", "现在{hero}有{whole}。", "{hero}有{whole}，送给{friend}{rest}。"},
	},
}
