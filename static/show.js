// What the page shows of a run: figures, samples, the judgement, and the table of runs.
import { bytes, compact, duration, put, say } from "./text.js";
import { element, words } from "./controls.js";

const $ = (id) => document.getElementById(id);

export function showFigures(s) {
  if (!s) {
    for (const name of ["step", "loss", "validation", "speed", "left", "memory"]) $("f-" + name).textContent = "–";
    $("f-meter").value = 0;
    return;
  }
  $("f-step").replaceChildren(s.step.toLocaleString(), " ", element("small", { textContent: "/ " + s.steps.toLocaleString() }));
  $("f-meter").value = s.step / s.steps;
  $("f-loss").textContent = s.loss.toFixed(3);
  $("f-validation").textContent = s.validation === undefined ? "–" : s.validation.toFixed(3);
  $("f-speed").textContent = s.tokens_per_second > 0 ? compact(s.tokens_per_second) : "–";
  $("f-left").textContent = s.left === undefined ? "–" : duration(s.left);
  $("f-memory").textContent = bytes(s.memory);
  $("f-memory").title = say("heap", { heap: (s.heap / (1 << 20)).toFixed(1) });
  $("canvas").setAttribute("aria-label", say("chart-now", { loss: s.loss.toFixed(3), step: s.step, steps: s.steps }));
  document.title = Math.floor((100 * s.step) / s.steps) + " % · minimind-gpu";
}

// Each beginning has a column: the newest text on top, a few older ones fading beneath.
export function showSample({ step, index, text, begins }) {
  const box = $("samples");
  while (box.children.length <= index) box.append(element("div"));
  const column = box.children[index];
  if (!begins) return column.firstChild.append(text);
  for (const old of column.children) old.classList.add("old");
  const when = element("small");
  put(when, "at-step", { step: step.toLocaleString() });
  column.prepend(element("p", { className: "sample" }, when, element("b", { textContent: text })));
  while (column.children.length > 3) column.lastChild.remove();
}

// advised is advice with the names of the page's settings for those of flags; those that it lacks are the native program's.
const advised = (advice) => say(advice).replace(/--([a-z-]+)\b(?! auto)/g, (flag, name) => {
  const setting = name.replaceAll("-", "_");
  return $("c-" + setting) ? "“" + say(setting) + "”" : flag;
});

export function showDiagnosis({ cause, advice, checks }) {
  $("diagnosis").hidden = false;
  $("cause").textContent = advice ? say("cause-advice", { cause: [cause], advice: advised(advice) }) : say("cause", { cause: [cause] });
  $("checks").replaceChildren(...checks.map((c) => element("li", { className: c.verdict, title: say(c.threshold) },
    element("b", {}, say(c.name), element("span", { className: "aloud", textContent: ": " + say(c.verdict) })),
    element("span", { textContent: say(...c.measure) }),
    ...(c.advice ? [element("em", { textContent: advised(c.advice) })] : []))));
}

// showRuns lists the runs, with the settings in which they differ.
export function showRuns(list, color, forget) {
  $("runs").hidden = list.length < 2;
  if (list.length < 2) return;
  const names = [...new Set(list.flatMap((r) => Object.keys(r.settings)))].filter((n) => new Set(list.map((r) => JSON.stringify(r.settings[n]))).size > 1);
  const cells = (kind, texts) => texts.map((t) => element(kind, { textContent: t }));
  const head = element("tr", {}, ...cells("th", [say("run"), ...(names.length ? names.map((n) => say(n)) : [say("settings")]), say("run-steps"), say("run-loss"), say("f-validation"), ""]));
  const rows = list.map((r) => {
    const last = element("td");
    if (!r.current) last.append(element("button", { className: "quiet", type: "button", textContent: say("forget"), ariaLabel: say("forget") + " " + r.name, onclick: () => forget(r.id) }));
    const value = (n) => (n === "text" ? r.settings.text || say("embedded") : say(String(r.settings[n] ?? "")));
    return element("tr", {}, element("th", {}, element("span", { className: "swatch", style: "background:" + color(r.id) }), r.name),
      ...cells("td", [...(names.length ? names.map(value) : [say("same")]), (r.step ?? 0).toLocaleString(), r.loss?.toFixed(3) ?? "–", r.validation?.toFixed(3) ?? "–"]), last);
  });
  $("runs").replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

// showKept lists the runs that the browser's storage holds. A run is deleted by a second click.
export function showKept(list, goOn, erase) {
  $("kept").hidden = list.length === 0;
  $("kept-runs").replaceChildren(...list.map((r) => {
    const { preset, stage } = r.settings;
    const name = element("span", { id: "kept-" + r.id, textContent: [new Date(r.saved).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }), preset, say(stage),
      say("at-step", { step: r.step.toLocaleString() })].join(" · ") });
    const button = (key, onclick) => {
      const b = words("button", key, { className: "quiet", type: "button", onclick });
      b.setAttribute("aria-describedby", name.id);
      return b;
    };
    const remove = button("kept-delete", () => {
      put(remove, "kept-sure");
      remove.onclick = () => erase(r.id);
    });
    return element("li", {}, name, button("kept-go on", () => goOn(r.id)), remove);
  }));
}

// showKind suits the page to the kind of run: how it is spoken to, and what of it can be taken home.
export function showKind({ settings, text } = { settings: { preset: "tiny", stage: "pretrain" } }, step = 2000) {
  const { preset, stage } = settings, adapters = stage === "lora";
  const file = preset + "-step-" + String(step).padStart(8, "0") + ".ckpt", data = text ? " --data " + text : "";
  $("model").hidden = $("base").hidden = !adapters;
  put($("talk-hint"), stage === "pretrain" ? "talk-hint" : "talk-hint-ask");
  put($("speak"), stage === "pretrain" ? "speak" : "ask");
  put($("checkpoint"), adapters ? "adapters" : "checkpoint");
  put($("home-hint"), adapters ? "home-hint-lora" : "home-hint");
  $("code").textContent = {
    pretrain: ["generate --checkpoint " + file + ' --prompt "Lily has"', "pretrain --resume " + file + data],
    sft: ["chat --checkpoint " + file, "sft --resume " + file + data],
    lora: ["chat --checkpoint model-" + file, "lora merge --adapters adapters-" + file + " --base base-" + preset + ".ckpt --out merged.ckpt", "lora --resume adapters-" + file + " --from base-" + preset + ".ckpt" + data],
  }[stage].map((line) => "minimind-gpu " + line).join("\n");
}

export function showPlan({ parameters, trained, memory, seconds, error }) {
  $("plan").classList.toggle("bad", Boolean(error));
  $("plan").textContent = error ? say(...error) : say(trained ? "plan-lora" : "plan", { parameters: compact(parameters), trained: compact(trained ?? 0), memory: bytes(memory) }) + (seconds ? say("plan-time", { time: duration(seconds) }) : "");
}
