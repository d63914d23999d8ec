// The comparison: a few runs that differ in one setting, one after another, begun from one form.
import { element, numbers, set, settings, why, words, wrong } from "./controls.js";

// Comparison is the form, and the runs that are still to come.
export class Comparison {
  constructor(box, start, fail) {
    this.start = start;
    this.fail = fail;
    this.coming = [];
    this.setting = element("select", { id: "compare-setting" }, ...numbers.map((name) => words("option", name, { value: name })));
    this.setting.value = "learning_rate";
    this.values = element("input", { id: "compare-values", type: "text", value: "0.0005, 0.002, 0.008", autocomplete: "off" });
    this.values.setAttribute("aria-describedby", "h-compare");
    const button = words("button", "compare-start", { id: "compare", type: "submit" });
    const form = element("form", { noValidate: true, onsubmit: (e) => { e.preventDefault(); this.begin(); } },
      element("div", { className: "control" }, words("label", "compare-setting", { htmlFor: "compare-setting" }), this.setting),
      element("div", { className: "control" }, words("label", "compare-values", { htmlFor: "compare-values" }), this.values, words("p", "compare?", { className: "hint", id: "h-compare" })),
      button);
    box.append(words("summary", "g-compare"), form);
  }

  // begin checks all values before anything runs.
  begin() {
    const name = this.setting.value, base = settings();
    const values = this.values.value.split(/[\s,;，；]+/).filter(Boolean);
    if (base.stage !== "pretrain") return this.fail("compare-stage");
    if (values.length < 2) return this.fail("compare-few");
    for (const value of values) {
      set({ ...base, [name]: value });
      const bad = wrong(), wanted = bad && why(bad);
      set(base);
      if (bad) return this.fail("compare-wrong", { value, name: [name], why: wanted });
    }
    this.coming = values.map((value) => ({ ...base, [name]: value }));
    this.next(false);
  }

  // next starts the run that is due, if one is, in place of the one before.
  next(replaces = true) {
    if (this.coming.length === 0) return;
    set(this.coming.shift());
    this.start(replaces);
  }

  // end leaves the runs that have not begun.
  end() { this.coming = []; }
}
