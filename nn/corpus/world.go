package corpus

// The people, animals, things, colours and places of the stories. Every entry
// has both languages; the Chinese characters are few, so that a vocabulary of
// 512 holds each of them whole.

type person struct {
	english, chinese string
	female           bool
}

var people = []person{
	{"Tom", "汤姆", false},
	{"Lily", "莉莉", true},
	{"Ming", "小明", false},
	{"Hong", "小红", true},
	{"Leo", "小乐", false},
	{"Anna", "安娜", true},
}

type animal struct{ english, chinese string }

var animals = []animal{
	{"cat", "小猫"},
	{"dog", "小狗"},
	{"bird", "小鸟"},
	{"rabbit", "小兔"},
	{"duck", "小鸭"},
	{"bear", "小熊"},
}

// thing has its Chinese measure word: 一本书, 一朵花.
type thing struct{ english, chinese, measure string }

var things = []thing{
	{"ball", "球", "个"},
	{"book", "书", "本"},
	{"flower", "花", "朵"},
	{"bag", "书包", "个"},
	{"cup", "杯子", "个"},
	{"apple", "苹果", "个"},
}

type colour struct{ english, chinese string }

var colours = []colour{
	{"red", "红色的"},
	{"blue", "蓝色的"},
	{"white", "白色的"},
	{"yellow", "黄色的"},
	{"green", "绿色的"},
}

// place has the form after "at" beside its name: in the park, 公园里.
type place struct{ english, atEnglish, chinese, atChinese string }

var places = []place{
	{"the park", "in the park", "公园", "公园里"},
	{"the garden", "in the garden", "花园", "花园里"},
	{"the forest", "in the forest", "森林", "森林里"},
	{"the school", "at the school", "学校", "学校里"},
	{"the river", "by the river", "河边", "河边"},
	{"the hill", "on the hill", "山上", "山上"},
}

// largest is the largest number in a story or a sum.
const largest = 10

var englishNumbers = [largest + 1]string{
	"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

var chineseNumbers = [largest + 1]string{
	"零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十"}

// coloured is a thing with its colour: the red ball.
type coloured struct {
	thing  *thing
	colour *colour
}

func (c coloured) english() string { return c.colour.english + " " + c.thing.english }
func (c coloured) chinese() string { return c.colour.chinese + c.thing.chinese }

// oneInChinese says 一个红色的球.
func (c coloured) oneInChinese() string { return "一" + c.thing.measure + c.chinese() }

// countedInEnglish says "two apples".
func (t *thing) countedInEnglish(n int) string {
	if n == 1 {
		return "one " + t.english
	}
	return englishNumbers[n] + " " + t.english + "s"
}

// countedInChinese says 两个苹果: before a measure word two is 两, not 二.
func (t *thing) countedInChinese(n int) string {
	number := chineseNumbers[n]
	if n == 2 {
		number = "两"
	}
	return number + t.measure + t.chinese
}
