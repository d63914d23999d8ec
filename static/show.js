// What the page shows of a run: figures, samples, the judgement, and the table of runs.
import { bytes, compact, duration, put, say } from "./text.js";
import { element } from "./controls.js";

const $ = (id) => document.getElementById(id);

export function showFigures(s) {
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

export function showDiagnosis({ cause, advice, checks }) {
  $("diagnosis").hidden = false;
  $("cause").textContent = advice ? say("cause-advice", { cause: [cause], advice: [advice] }) : say("cause", { cause: [cause] });
  $("checks").replaceChildren(...checks.map((c) => element("li", { className: c.verdict, title: say(c.threshold) },
    element("b", {}, say(c.name), element("span", { className: "aloud", textContent: ": " + say(c.verdict) })),
    element("span", { textContent: say(...c.measure) }),
    ...(c.advice ? [element("em", { textContent: say(c.advice) })] : []))));
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
    if (!r.current) last.append(element("button", { className: "quiet", type: "button", textContent: say("forget"), onclick: () => forget(r.id) }));
    const value = (n) => (n === "text" ? r.settings.text || say("embedded") : say(String(r.settings[n] ?? "")));
    return element("tr", {}, element("th", {}, element("span", { className: "swatch", style: "background:" + color(r.id) }), r.name),
      ...cells("td", [...(names.length ? names.map(value) : [say("same")]), (r.step ?? 0).toLocaleString(), r.loss?.toFixed(3) ?? "–", r.validation?.toFixed(3) ?? "–"]), last);
  });
  $("runs").replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

export function showPlan({ parameters, memory, seconds, error }) {
  $("plan").classList.toggle("bad", Boolean(error));
  $("plan").textContent = error ? say(...error) : say("plan", { parameters: compact(parameters), memory: bytes(memory) }) + (seconds ? say("plan-time", { time: duration(seconds) }) : "");
}
