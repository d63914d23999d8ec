// The settings form: its controls, their defaults, and the link in the address bar that reproduces them. Names are those
// of the program's flags; words are in text.js, under a control's name and its name with "?".
import { put } from "./text.js";

const presets = ["tiny", "small", "minimind2-small", "minimind2", "minimind2-moe", "minimind3", "minimind3-moe"];
const number = (name, value, min, max, step = 1) => ({ name, value, min, max, step });
const choice = (name, value, options) => ({ name, value, options });
const only = (stage, controls) => controls.map((c) => ({ ...c, stage })); // shown in that stage alone

const groups = [
  { title: "g-run", controls: [
    ...only("pretrain", [choice("preset", "tiny", presets)]),
    number("max_steps", 2000, 0, 1e9),
    number("learning_rate", 0.002, 0, 1, "any"),
    number("batch_size", 8, 1, 65536),
    number("max_seq_len", 128, 1, 32768),
  ] },
  { title: "g-data", controls: [choice("stage", "pretrain", ["pretrain", "sft", "lora"]),
    ...only("lora", [number("rank", 8, 4, 1024, 4), number("alpha", 0, 0, 1e6, "any")]),
    choice("source", "embedded", ["embedded", "paste", "file"])], data: true },
  { title: "g-more", more: true, controls: [
    choice("schedule", "cosine", ["cosine", "wsd", "linear", "constant"]),
    number("warmup", 0.05, 0, 1e6, "any"),
    number("min_lr_ratio", 0.1, 0, 1, "any"),
    number("accumulation_steps", 1, 1, 4096),
    number("epochs", 1, 1, 1e6),
    number("weight_decay", 0.01, 0, 10, "any"),
    number("grad_clip", 1, 0, 1e6, "any"),
    number("validation_share", 0.005, 0, 0.9, "any"),
    number("seed", 42, 0, Number.MAX_SAFE_INTEGER),
  ] },
  { title: "g-size", more: true, controls: only("pretrain", [
    number("hidden_size", 0, 0, 16384, 4),
    number("num_hidden_layers", 0, 0, 256),
    number("num_attention_heads", 0, 0, 256),
    number("num_key_value_heads", 0, 0, 256),
  ]) },
];
const all = groups.flatMap((g) => g.controls);
// numbers are the names of the settings of every new model that are numbers.
export const numbers = all.filter((c) => !c.options && c.stage !== "lora").map((c) => c.name);
const form = document.getElementById("settings");
const control = (name) => form.elements[name];

// element makes an element with children.
export function element(kind, properties = {}, ...children) {
  const e = Object.assign(document.createElement(kind), properties);
  e.append(...children);
  return e;
}

// words makes an element whose text follows the language.
export function words(kind, key, properties) {
  const e = element(kind, properties);
  put(e, key);
  return e;
}

function field({ name, value, options, min, max, step }) {
  let input;
  if (options) {
    input = element("select", { name, id: "c-" + name }, ...options.map((o) =>
      presets.includes(o) ? element("option", { value: o, textContent: o }) : words("option", o, { value: o })));
    input.value = value;
  } else {
    input = element("input", { type: "number", name, id: "c-" + name, min, max, step, value, required: true, inputMode: "decimal" });
  }
  input.setAttribute("aria-describedby", "h-" + name);
  return element("div", { className: "control" }, words("label", name, { htmlFor: "c-" + name }), input, words("p", name + "?", { className: "hint", id: "h-" + name }));
}

function dataFields() {
  const paste = element("div", { className: "control", id: "paste-field", hidden: true }, words("label", "pasted", { htmlFor: "pasted" }),
    element("textarea", { id: "pasted", spellcheck: false }), words("p", "pasted?", { className: "hint" }));
  const drop = element("label", { className: "drop" }, words("span", "drop"), element("input", { type: "file", id: "file", className: "hidden-input", accept: ".txt,.md,.jsonl,.json" }));
  const file = element("div", { className: "control", id: "file-field", hidden: true }, drop, words("p", "file?", { className: "hint" }));
  const which = words("span", "choose");
  const input = element("input", { type: "file", id: "tokenizer", className: "hidden-input", accept: ".json",
    onchange: () => (input.files[0] ? put(which, "chosen", { name: input.files[0].name }) : put(which, "choose")) });
  const tokenizer = element("div", { className: "control", id: "tokenizer-field" }, words("label", "tokenizer", { htmlFor: "tokenizer" }),
    element("label", { className: "drop" }, which, input), words("p", "tokenizer?", { className: "hint" }));
  return [paste, file, tokenizer];
}

// build makes the form and fills it from the address bar.
export function build(changed) {
  for (const g of groups) {
    const box = g.more ? element("details", {}, words("summary", g.title)) : element("fieldset", {}, words("legend", g.title));
    box.append(...g.controls.map(field), ...(g.data ? dataFields() : []));
    form.append(box);
  }
  fromLink();
  form.addEventListener("input", () => { show(); changed(); });
  form.addEventListener("change", () => { toLink(); changed(); });
  addEventListener("hashchange", () => { fromLink(); changed(); });
}

// show marks what cannot be, and shows the controls that the stage and the data need.
function show() {
  const source = control("source").value, stage = control("stage").value;
  for (const c of all) control(c.name).parentElement.hidden = (c.stage ?? stage) !== stage;
  for (const box of form.children) box.hidden = [...box.querySelectorAll(".control")].every((c) => c.hidden);
  document.getElementById("tokenizer-field").hidden = stage !== "pretrain";
  document.getElementById("paste-field").hidden = source !== "paste";
  document.getElementById("file-field").hidden = source !== "file";
  for (const { name } of all) control(name).parentElement.classList.toggle("wrong", !control(name).validity.valid);
}

// wrong is the first control whose value cannot be.
export const wrong = () => all.map((c) => control(c.name)).find((c) => !c.validity.valid && !c.parentElement.hidden);

// why says what a control wants that has another value, as a list for say.
export function why({ min, max, step, validity }) {
  if (validity.badInput || validity.valueMissing) return ["why-number"];
  if (validity.rangeUnderflow || validity.rangeOverflow) return ["why-range", { min, max: Number(max).toLocaleString() }];
  return step === "1" ? ["why-whole"] : ["why-step", { step }];
}

// settings are the controls' values.
export function settings() {
  const s = {};
  for (const { name, options } of all) s[name] = options ? control(name).value : Number(control(name).value);
  return s;
}

// set puts values into the controls; those that are not named get their defaults.
export function set(values) {
  for (const { name, value, options } of all) {
    const v = values[name] ?? value;
    control(name).value = options && !options.includes(v) ? value : v;
  }
  show();
}

const fromLink = () => set(Object.fromEntries(new URLSearchParams(location.hash.slice(1))));

// toLink lets the address bar hold what is not as it is by default.
export function toLink() {
  const link = new URLSearchParams();
  for (const { name, value } of all) if (control(name).value !== String(value)) link.set(name, control(name).value);
  history.replaceState(null, "", link.size > 0 ? "#" + link : location.pathname + location.search);
}

// defaults undoes all changes.
export function defaults() { set({}); toLink(); }
