package pth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// What a pickle of tensors is made of; besides, there are string, int64, float64, bool, nil and tuple.
type (
	tuple []any
	list  struct{ items []any }
	dict  struct{ items [][2]any } // in order; keys are not compared
	// global is a class or function that the pickle names, always one of those in known.
	global string
	// storage is where tensors' values are: in the archive, under its key.
	storage struct{ class, key string }
	tensor  struct {
		storage       *storage
		offset        int64 // in elements
		shape, stride []int
	}
	mark struct{}
)

// get is the value of a key that is a string, nil if there is none.
func (d *dict) get(key string) any {
	for _, item := range d.items {
		if item[0] == any(key) {
			return item[1]
		}
	}
	return nil
}

// known is everything that a state dict needs to name.
var known = map[string]bool{
	"collections.OrderedDict": true, "torch._utils._rebuild_tensor_v2": true, "torch._utils._rebuild_parameter": true,
	"torch.FloatStorage": true, "torch.HalfStorage": true, "torch.BFloat16Storage": true, "torch.DoubleStorage": true,
	"torch.LongStorage": true, "torch.IntStorage": true, "torch.ShortStorage": true, "torch.CharStorage": true,
	"torch.ByteStorage": true, "torch.BoolStorage": true,
}

// The opcodes of Python's pickle, those that torch.save writes in its protocols 2 to 5.
const (
	opMark, opStop, opPop, opBinInt, opBinInt1, opBinInt2 = '(', '.', '0', 'J', 'K', 'M'
	opNone, opTrue, opFalse, opBinFloat, opLong1          = 'N', 0x88, 0x89, 'G', 0x8a
	opUnicode8, opUnicode32                               = 0x8c, 'X'
	opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3   = ')', 't', 0x85, 0x86, 0x87
	opEmptyList, opAppend, opAppends                      = ']', 'a', 'e'
	opEmptyDict, opSetItem, opSetItems                    = '}', 's', 'u'
	opPut, opPut32, opMemoize, opGet, opGet32             = 'q', 'r', 0x94, 'h', 'j'
	opGlobal, opStackGlobal, opReduce, opBuild, opPersID  = 'c', 0x93, 'R', 'b', 'Q'
	opProto, opFrame                                      = 0x80, 0x95
)

// machine runs a pickle. Each step allocates no more than its own bytes ask for.
type machine struct {
	program []byte
	at      int
	stack   []any
	memo    map[uint32]any
}

var errCutShort = errors.New("the pickle is cut short")

// wrong is thrown within this file where the pickle does not make sense.
type wrong struct{ error }

// unpickle returns what the pickle makes.
func unpickle(program []byte) (root any, err error) {
	m := &machine{program: program, memo: map[uint32]any{}}
	defer func() {
		if thrown := recover(); thrown != nil {
			w, ok := thrown.(wrong)
			if !ok {
				panic(thrown)
			}
			err = fmt.Errorf("at byte %d: %w", m.at, w.error)
		}
	}()
	for {
		if m.step(m.byte()) {
			return m.pop(), nil
		}
	}
}

func fail(format string, args ...any) { panic(wrong{fmt.Errorf(format, args...)}) }

func (m *machine) take(n uint64) []byte {
	if n > uint64(len(m.program)-m.at) {
		panic(wrong{errCutShort})
	}
	b := m.program[m.at : m.at+int(n)]
	m.at += int(n)
	return b
}

func (m *machine) byte() byte     { return m.take(1)[0] }
func (m *machine) uint32() uint32 { return binary.LittleEndian.Uint32(m.take(4)) }

// line is an argument that ends with its line.
func (m *machine) line() string {
	n := bytes.IndexByte(m.program[m.at:], '\n')
	if n < 0 {
		panic(wrong{errCutShort})
	}
	return string(m.take(uint64(n) + 1)[:n])
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) top() *any {
	if len(m.stack) == 0 {
		fail("its stack is empty")
	}
	return &m.stack[len(m.stack)-1]
}

func (m *machine) pop() any {
	v := *m.top()
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

// popMarked takes what lies above the last mark, and the mark.
func (m *machine) popMarked() []any {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if m.stack[i] == any(mark{}) {
			items := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items
		}
	}
	fail("its stack has no mark")
	return nil
}

func (m *machine) popTuple(n int) tuple {
	t := make(tuple, n)
	for i := n - 1; i >= 0; i-- {
		t[i] = m.pop()
	}
	return t
}

// as pops a value of the type that the opcode wants.
func as[T any](v any, what string) T {
	t, ok := v.(T)
	if !ok {
		fail("%s is none", what)
	}
	return t
}

// step runs one opcode and reports whether it was the last.
func (m *machine) step(op byte) (stop bool) {
	switch op {
	case opProto:
		if version := m.byte(); version > 5 {
			fail("protocol %d is unknown", version)
		}
	case opFrame:
		m.take(8)
	case opStop:
		return true
	case opPop:
		m.pop()
	case opMark:
		m.push(mark{})
	case opNone:
		m.push(nil)
	case opTrue, opFalse:
		m.push(op == opTrue)
	case opBinInt:
		m.push(int64(int32(m.uint32())))
	case opBinInt1:
		m.push(int64(m.byte()))
	case opBinInt2:
		m.push(int64(binary.LittleEndian.Uint16(m.take(2))))
	case opLong1:
		m.push(long(m.take(uint64(m.byte()))))
	case opBinFloat:
		m.push(math.Float64frombits(binary.BigEndian.Uint64(m.take(8))))
	case opUnicode8:
		m.push(string(m.take(uint64(m.byte()))))
	case opUnicode32:
		m.push(string(m.take(uint64(m.uint32()))))
	case opEmptyTuple:
		m.push(tuple{})
	case opTuple:
		m.push(tuple(m.popMarked()))
	case opTuple1, opTuple2, opTuple3:
		m.push(m.popTuple(int(op-opTuple1) + 1))
	case opEmptyList:
		m.push(&list{})
	case opAppend:
		v := m.pop()
		l := as[*list](*m.top(), "what is appended to as a list")
		l.items = append(l.items, v)
	case opAppends:
		items := m.popMarked()
		l := as[*list](*m.top(), "what is appended to as a list")
		l.items = append(l.items, items...)
	case opEmptyDict:
		m.push(&dict{})
	case opSetItem:
		item := m.popTuple(2)
		d := as[*dict](*m.top(), "what is set in as a dict")
		d.items = append(d.items, [2]any(item))
	case opSetItems:
		items := m.popMarked()
		d := as[*dict](*m.top(), "what is set in as a dict")
		if len(items)%2 != 0 {
			fail("a dict has a key without a value")
		}
		for i := 0; i < len(items); i += 2 {
			d.items = append(d.items, [2]any(items[i:i+2]))
		}
	case opPut:
		m.memo[uint32(m.byte())] = *m.top()
	case opPut32:
		m.memo[m.uint32()] = *m.top()
	case opMemoize:
		m.memo[uint32(len(m.memo))] = *m.top()
	case opGet:
		m.push(m.remembered(uint32(m.byte())))
	case opGet32:
		m.push(m.remembered(m.uint32()))
	case opGlobal:
		module := m.line()
		m.push(find(module, m.line()))
	case opStackGlobal:
		name := m.popTuple(2)
		m.push(find(as[string](name[0], "a module's name"), as[string](name[1], "a global's name")))
	case opPersID:
		m.push(persistent(as[tuple](m.pop(), "the tuple that names a storage")))
	case opReduce:
		arguments := as[tuple](m.pop(), "the tuple of arguments")
		m.push(call(as[global](m.pop(), "the function that is called"), arguments))
	case opBuild: // OrderedDict's attribute _metadata, which says nothing of tensors
		m.pop()
		as[*dict](*m.top(), "what attributes are given to as a dict")
	default:
		fail("opcode 0x%02x (%q) is not one of a state dict: nothing of it was run", op, op)
	}
	return false
}

func (m *machine) remembered(key uint32) any {
	v, ok := m.memo[key]
	if !ok {
		fail("nothing is remembered under %d", key)
	}
	return v
}

// long is an integer of up to 8 bytes, little-endian and signed.
func long(b []byte) int64 {
	if len(b) > 8 {
		fail("an integer has %d bytes", len(b))
	}
	var v int64
	for i, x := range b {
		v |= int64(x) << (8 * i)
	}
	if n := len(b); n > 0 {
		v = v << (64 - 8*n) >> (64 - 8*n)
	}
	return v
}

// find names a class or function. What is not known is what could run anything.
func find(module, name string) global {
	g := module + "." + name
	if !known[g] {
		fail("it asks for %.200q, which no state dict needs: refused, nothing of it was run", g)
	}
	return global(g)
}

// persistent is a storage: ("storage", class, key, device, elements).
func persistent(id tuple) *storage {
	if len(id) < 5 || id[0] != any("storage") {
		fail("a persistent id is no storage's")
	}
	class := as[global](id[1], "the class of a storage")
	return &storage{string(class[len("torch."):]), as[string](id[2], "the key of a storage")}
}

// call does what the known functions do.
func call(f global, arguments tuple) any {
	switch f {
	case "collections.OrderedDict":
		if len(arguments) > 0 {
			fail("%s is called with arguments", f)
		}
		return &dict{}
	case "torch._utils._rebuild_parameter": // (tensor, requires_grad, hooks)
		if len(arguments) < 1 {
			fail("%s is called without a tensor", f)
		}
		return as[*tensor](arguments[0], "the tensor of a parameter")
	case "torch._utils._rebuild_tensor_v2": // (storage, offset, shape, stride, requires_grad, hooks)
		if len(arguments) < 4 {
			fail("%s is called with %d arguments", f, len(arguments))
		}
		return &tensor{as[*storage](arguments[0], "the storage of a tensor"), as[int64](arguments[1], "the offset of a tensor"),
			ints(arguments[2]), ints(arguments[3])}
	}
	fail("%s is called: refused", f)
	return nil
}

func ints(v any) []int {
	t := as[tuple](v, "a shape or stride")
	out := make([]int, len(t))
	for i, n := range t {
		out[i] = int(as[int64](n, "a dimension"))
	}
	return out
}
