package corpus

import "strings"

// facts is all that a story says: who is in it, what they have, where they go.
// It knows nothing of wording, so that questions can be asked of the same facts.
type facts struct {
	hero, friend      *person
	animal, other     *animal
	thing, second     coloured // of different things
	place, elsewhere  *place
	part, rest, whole int // how many things: part + rest = whole
}

func drawFacts(r *random) facts {
	hero, friend := r.twoOf(len(people))
	animal, other := r.twoOf(len(animals))
	first, second := r.twoOf(len(things))
	place, elsewhere := r.twoOf(len(places))
	part, rest, whole := drawParts(r)
	return facts{
		hero: &people[hero], friend: &people[friend],
		animal: &animals[animal], other: &animals[other],
		thing:  coloured{&things[first], &colours[r.below(len(colours))]},
		second: coloured{&things[second], &colours[r.below(len(colours))]},
		place:  &places[place], elsewhere: &places[elsewhere],
		part: part, rest: rest, whole: whole,
	}
}

// scene is one story in both languages, with slots for the facts. The slots are
// the same in both, so the two versions keep the same logic.
type scene struct{ english, chinese string }

var scenes = []scene{
	{ // a gift
		"{hero} has {a thing}. {He} goes to {place} and meets {friend}. {He} gives the {thing} to {friend}. Now {friend} has the {thing}.",
		"{hero}有{a thing}。{He}去{place}，看见了{friend}。{He}把{thing}送给{friend}。现在{friend}有{thing}了。",
	},
	{ // lost and found
		"{hero} cannot find {his} {thing}. The {animal} finds it {at place}. {hero} thanks the {animal}.",
		"{hero}找不到{his}{thing}。{animal}在{at place}找到了它。{hero}谢谢{animal}。",
	},
	{ // a hungry animal
		"A {colour} {animal} is hungry. {hero} and {friend} give it an apple {at place}. The {animal} eats the apple and goes home with {friend}.",
		"一只{colour}{animal}饿了。{hero}和{friend}在{at place}给它一个苹果。{animal}吃了苹果，和{friend}一起回家。",
	},
	{ // a day out
		"In the morning, {hero} and {friend} go to {place}. They see a {colour} {animal} and play with it. In the evening, they go home.",
		"早上，{hero}和{friend}去{place}。他们看见一只{colour}{animal}，和它一起玩。晚上，他们回家。",
	},
	{ // getting more
		"{hero} has {part}. {friend} gives {him} {rest}. Now {hero} has {whole}.",
		"{hero}有{part}。{friend}给{him}{rest}。现在{hero}有{whole}。",
	},
	{ // giving away
		"{hero} has {whole}. {He} gives {rest} to {friend}. Now {hero} has {part}.",
		"{hero}有{whole}。{He}送给{friend}{rest}。现在{hero}有{part}。",
	},
	{ // animal friends
		"A {animal} and a {other} are friends. They have {a thing}. In the morning, they play with it {at place}.",
		"一只{animal}和一只{other}是朋友。它们有{a thing}。早上，它们在{at place}一起玩。",
	},
	{ // a swap
		"{hero} has {a thing} and {friend} has {a second}. They meet {at place} and swap. Now {hero} has the {second} and {friend} has the {thing}.",
		"{hero}有{a thing}，{friend}有{a second}。他们在{at place}交换。现在{hero}有{second}，{friend}有{thing}。",
	},
	{ // hide and seek
		"{hero} hides {a thing} {at place}. {friend} looks for it {at elsewhere}, but it is not there. Then {friend} goes to {place} and finds the {thing}.",
		"{hero}把{a thing}藏在{at place}。{friend}在{at elsewhere}找，找不到。{friend}去{place}，找到了{thing}。",
	},
	{ // good night
		"It is night. {hero} and {friend} read a {colour} book at home. The {animal} and the {other} sleep. Good night, {hero}.",
		"晚上，{hero}和{friend}在家看一本{colour}书。{animal}和{other}睡觉了。晚安，{hero}。",
	},
}

// words are what the slots of a template say: the name of a slot, its words, the next name, and so on. A
// strings.Replacer would do the same, but takes several times as long to make as a story to tell.
type words []string

// fill puts the words into a template.
func (w words) fill(template string) string {
	var text strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		text.WriteString(before)
		if !found {
			return text.String()
		}
		slot, after, _ := strings.Cut(rest, "}")
		text.WriteString(w.of(slot))
		template = after
	}
}

// of returns a slot's words.
func (w words) of(slot string) string {
	for i := 0; i < len(w); i += 2 {
		if w[i] == slot {
			return w[i+1]
		}
	}
	panic("corpus: a template has the slot " + slot + ", which its language does not fill")
}

// english is what fills an English template.
func (f *facts) english() words {
	he, him, his := "He", "him", "his"
	if f.hero.female {
		he, him, his = "She", "her", "her"
	}
	counted := f.thing.thing.countedInEnglish
	return words{
		"hero", f.hero.english, "friend", f.friend.english, "He", he, "him", him, "his", his,
		"animal", f.animal.english, "other", f.other.english, "colour", f.thing.colour.english,
		"thing", f.thing.english(), "a thing", "a " + f.thing.english(), "second", f.second.english(), "a second", "a " + f.second.english(),
		"place", f.place.english, "at place", f.place.atEnglish, "at elsewhere", f.elsewhere.atEnglish,
		"part", counted(f.part), "rest", counted(f.rest), "whole", counted(f.whole)}
}

// chinese is what fills a Chinese template.
func (f *facts) chinese() words {
	he := "他"
	if f.hero.female {
		he = "她"
	}
	counted := f.thing.thing.countedInChinese
	return words{
		"hero", f.hero.chinese, "friend", f.friend.chinese, "He", he, "him", he, "his", he,
		"animal", f.animal.chinese, "other", f.other.chinese, "colour", f.thing.colour.chinese,
		"thing", f.thing.chinese(), "a thing", f.thing.oneInChinese(), "second", f.second.chinese(), "a second", f.second.oneInChinese(),
		"place", f.place.chinese, "at place", f.place.atChinese, "at elsewhere", f.elsewhere.atChinese,
		"measure", f.thing.thing.measure, "part", counted(f.part), "rest", counted(f.rest), "whole", counted(f.whole)}
}
