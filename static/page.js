// The page: what the visitor sees and clicks. The program runs in two workers, one that trains and one that draws; here
// are only words, buttons, and messages to and from them.
import { language, put, recall, remember, say, switchLanguage, translate } from "./text.js";
import { build, defaults, set, settings, toLink, why, words, wrong } from "./controls.js";
import { showDiagnosis, showFigures, showKind, showKept, showPlan, showRuns, showSample } from "./show.js";
import { canDraw, Charts } from "./charts.js";
import { Comparison } from "./compare.js";

const $ = (id) => document.getElementById(id);
const runs = new Map(); // by id: {id, name, settings, text, steps, step, loss, validation}
const now = () => [...runs.values()].find((r) => r.current); // the present run
let trainer; // worker
let charts;
let state = "loading";
let step; // the last step's event
let saved = null; // {run, step} that was saved last, before a run has begun
let kept = []; // all runs that are kept in this browser
let judgement; // the last diagnosis
let adopts = false; // the next run brings its own settings

// ---- words ----

function status(key, values) { put($("status"), key, values); }

// banner shows what happened and what to do, with what the program says about it beneath; again in another language when
// that is switched to.
function banner(box, words) {
  const [title, advice, detail] = words();
  box.replaceChildren();
  if (title) box.append(Object.assign(document.createElement("b"), { textContent: title + " " }));
  box.append(advice ?? "");
  if (detail) box.append(Object.assign(document.createElement("small"), { textContent: detail }));
  box.hidden = false;
  box.again = () => banner(box, words);
}

// A detail is what the program or the browser says of it, as a list for say.
function alarm(kind, detail) { banner($("alert"), () => [say("e-" + kind), say("e-" + kind + "?"), detail && say(...detail)]); }
function notice(what, { detail, ...values } = {}) { banner($("notice"), () => ["", say("n-" + what, values), detail && say(...detail)]); }
function calm() { $("alert").hidden = $("notice").hidden = true; }

// ---- the buttons ----

function enter(next) {
  state = next;
  document.body.dataset.state = next;
  const has = ["running", "paused", "finished", "stopped"].includes(next);
  const busy = next === "loading" || next === "preparing";
  $("start").disabled = busy || next === "broken";
  $("start").hidden = next === "running";
  $("start").classList.toggle("primary", next !== "paused");
  put($("start"), saved && next === "idle" ? "continue" : has ? "again" : "start", saved ?? {});
  $("pause").hidden = next !== "running";
  $("resume").hidden = next !== "paused" && next !== "stopped";
  $("resume").classList.toggle("primary", next === "paused");
  $("step").hidden = next !== "paused";
  $("stop").hidden = next !== "running" && next !== "paused";
  $("fresh").hidden = !(saved && next === "idle");
  for (const id of ["model", "checkpoint", "base", "weights", "metrics", "speak"]) $(id).disabled = !has;
  $("load").disabled = busy || next === "broken";
  showKind(now(), step?.step);
}

function prepare() {
  enter("preparing");
  status("preparing");
}

function request(message, transfer = []) { trainer?.postMessage(message, transfer); }

// data is the text that the controls have chosen, as a request names it.
function data() {
  const source = settings().source;
  return { source, pasted: source === "paste" ? $("pasted").value : "", file: source === "file" ? chosen : null, tokenizer: $("tokenizer").files[0] ?? null };
}

let chosen = null; // the file with the text

// start begins a run. One that replaces the present run does so even if that is not saved.
function start(replaces = false) {
  calm();
  const bad = wrong();
  if (bad) {
    bad.closest("details")?.setAttribute("open", "");
    bad.focus();
    return banner($("alert"), () => [say("e-settings"), say("e-wrong", { name: [bad.name], why: why(bad) })]);
  }
  toLink();
  saved = null;
  adopts = false;
  prepare();
  request({ do: "start", settings: JSON.stringify(settings()), replaces, ...data() });
}

// goOn goes on with a run that is kept.
function goOn(run) {
  calm();
  comparison.end();
  saved = null;
  adopts = true;
  prepare();
  request({ do: "continue", run });
}

// ---- what the trainer tells ----

const events = {
  up() {
    status("");
    put($("loaded"), "starting");
    connectCharts();
  },
  adapter({ name, kind, cpu }) {
    put($("adapter"), "adapter", { name: [name], kind: [kind] });
    $("adapter").classList.add("found");
    if (cpu && $("notice").hidden) notice("software"); // what is said there already matters more
  },
  progress({ what, share }) {
    $("loading").hidden = false;
    $("progress").value = share;
    put($("loaded"), "p-" + what);
  },
  ready(event) {
    $("loading").hidden = true;
    saved = event.saved;
    enter("idle");
    status(saved ? "ready-saved" : "ready", saved ?? {});
    plan();
  },
  state(event) {
    $("loading").hidden = true;
    const before = state;
    enter(event.state);
    if (event.state === "paused" && $("status").dataset.t.startsWith("loaded")) return;
    status(event.state, { step: step?.step ?? 0 });
    if (event.state === "finished" && before === "running") comparison.next();
  },
  run({ id, name, settings: begun, text, steps }) {
    runs.set(id, { id, name, settings: { ...JSON.parse(begun), text }, text, steps, current: true });
    for (const r of runs.values()) r.current = r.id === id;
    showFigures(step = undefined);
    judgement = undefined;
    $("diagnosis").hidden = true;
    const k = kept.find((r) => r.id === id);
    put($("saved"), k ? "saved" : "", { step: k?.step });
    if (adopts) {
      set({ ...now().settings, source: text ? settings().source : "embedded" });
      toLink();
      adopts = false;
    }
    listRuns();
    listKept();
    plan();
  },
  step(event) {
    step = event;
    showFigures(step);
    Object.assign(now(), { step: event.step, loss: event.loss, validation: event.validation });
    if (runs.size > 1) listRuns();
  },
  sample: showSample,
  answer(event) {
    if (event.text) $("answer").append(event.text);
    if (event.done) {
      $("hush").hidden = true;
      $("speak").hidden = false;
      if (event.error) {
        $("answer").replaceChildren(document.createElement("span"));
        put($("answer").firstChild, ...event.error);
      }
    }
  },
  diagnosis(event) { showDiagnosis(judgement = event); },
  saved({ step: at }) { put($("saved"), "saved", { step: at }); },
  kept(event) {
    kept = JSON.parse(event.runs);
    listKept();
  },
  loaded({ name, step: at, says }) {
    calm();
    step ??= { step: at };
    status(says, { name, step: at });
  },
  file({ name, blob }) { offer(name, blob); },
  plan: showPlan,
  notice({ what, detail, step: at }) { notice(what, { detail, step: at }); },
  error({ kind, detail }) {
    $("loading").hidden = true;
    comparison.end();
    adopts = false;
    alarm(kind, detail);
    if (kind === "no webgpu") {
      $("adapter").classList.add("none");
      put($("adapter"), "e-no webgpu");
      enter("broken");
      status("");
    }
  },
  ended() { alarm("program"); enter("broken"); },
};

// listRuns shows the table of runs.
function listRuns() {
  showRuns([...runs.values()], (id) => charts?.color(id) ?? "gray", (id) => {
    runs.delete(id);
    request({ do: "forget", run: id });
    charts?.remove(id);
    listRuns();
  });
}

// listKept shows the runs that are kept, all but the present one. What is shown already stays: one may be about to be clicked.
let listed;
function listKept() {
  const list = kept.filter((r) => r.id !== now()?.id);
  const shown = language + JSON.stringify(list);
  if (shown === listed) return;
  listed = shown;
  showKept(list, goOn, (run) => request({ do: "erase", run }));
}

function offer(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// ---- does it fit, how long ----

let planning;
function plan() {
  clearTimeout(planning);
  planning = setTimeout(() => { if (state !== "loading" && state !== "broken" && !wrong()) request({ do: "plan", settings: JSON.stringify(settings()), source: settings().source, tokenizer: $("tokenizer").files[0] ?? null }); }, 250);
}

// ---- the charts ----

function theme() {
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((h) => parseInt(h, 16));
  return { dark: document.documentElement.dataset.theme === "dark", background: rgb("--card"), ink: rgb("--ink"), muted: rgb("--muted"), grid: rgb("--grid"), axis: rgb("--axis") };
}

function showCharts() {
  charts?.view({
    theme: theme(), language, font: getComputedStyle(document.body).fontFamily, series: [...document.querySelectorAll("[name=series]:checked")].map((e) => e.value),
    smoothing: Number($("smoothing").value), log: $("log").checked, x: Number($("x").value),
  });
}

let module; // the compiled program
function connectCharts() {
  charts?.close();
  charts = null;
  if (!canDraw()) {
    $("canvas").replaceChildren(words("p", "no curves", { className: "hint" }));
    return void setTimeout(connectCharts, 5000);
  }
  charts = new Charts($("canvas"), module, {
    up: () => showCharts(), colors: listRuns, lost: () => setTimeout(connectCharts, 500), png: (blob) => offer("curves.png", blob),
  });
  const { port1, port2 } = new MessageChannel();
  charts.port(port1);
  request({ do: "charts", port: port2 }, [port2]);
}

// ---- light and dark ----

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  showCharts();
}
const darkness = matchMedia("(prefers-color-scheme: dark)");
setTheme(recall("theme") ?? (darkness.matches ? "dark" : "light"));
darkness.addEventListener("change", () => recall("theme") ?? setTheme(darkness.matches ? "dark" : "light"));

// ---- what the visitor does ----

function startAlone() {
  comparison.end();
  start();
}
$("start").onclick = () => (saved ? goOn(saved.run) : startAlone());
$("fresh").onclick = startAlone;
const comparison = new Comparison($("comparison"), start, (...words) => banner($("alert"), () => [say("e-settings"), say(...words)]));
$("pause").onclick = () => {
  status("pausing");
  request({ do: "pause" });
};
$("resume").onclick = () => request({ do: "resume" });
$("step").onclick = () => request({ do: "step" });
$("stop").onclick = () => {
  comparison.end();
  status("pausing");
  request({ do: "stop" });
};
$("talk").onsubmit = (e) => {
  e.preventDefault();
  if ($("speak").hidden) return; // it is speaking
  $("answer").replaceChildren(Object.assign(document.createElement("b"), { textContent: $("prompt").value }));
  $("speak").hidden = true;
  $("hush").hidden = false;
  request({ do: "speak", prompt: $("prompt").value, temperature: Number($("temperature").value), tokens: 96 });
};
$("hush").onclick = () => request({ do: "hush" });
$("temperature").oninput = () => { $("temperature-value").value = $("temperature").value; };
for (const id of ["model", "checkpoint", "base", "weights", "metrics"]) $(id).onclick = () => request({ do: id });
$("png").onclick = () => charts?.send({ do: "png" });
$("back").onclick = () => charts?.send({ do: "back" });
for (const id of ["smoothing", "log", "x"]) $(id).addEventListener("input", showCharts);
for (const e of document.querySelectorAll("[name=series]")) e.addEventListener("input", showCharts);
$("theme").onclick = () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remember("theme", next);
  setTheme(next);
};
$("language").onclick = () => {
  switchLanguage();
  for (const box of [$("alert"), $("notice")]) if (!box.hidden) box.again();
  if (step?.steps) showFigures(step);
  if (judgement) showDiagnosis(judgement);
  listRuns();
  listKept();
  showCharts();
  plan();
};
$("defaults").onclick = () => { defaults(); plan(); };

addEventListener("visibilitychange", () => { if (document.hidden && state === "running") request({ do: "save" }); });

function loadCheckpoint(file) {
  calm();
  if ($("load").disabled) return notice("wait");
  comparison.end();
  adopts = true;
  prepare();
  request({ do: "load", checkpoint: file, settings: JSON.stringify(settings()), ...data() });
}
$("load").onchange = () => {
  if ($("load").files[0]) loadCheckpoint($("load").files[0]);
  $("load").value = "";
};

// take uses a file that was dropped or chosen: a checkpoint, a tokenizer or a text.
function take(file) {
  if (/\.(ckpt|safetensors)$/.test(file.name)) return loadCheckpoint(file);
  if (file.name.endsWith(".json")) {
    const files = new DataTransfer();
    files.items.add(file);
    $("tokenizer").files = files.files;
    return void $("tokenizer").dispatchEvent(new Event("change", { bubbles: true }));
  }
  chosen = file;
  set({ ...settings(), source: "file" });
  document.querySelector(".drop span").textContent = file.name;
  delete document.querySelector(".drop span").dataset.t;
  toLink();
  plan();
}
addEventListener("dragover", (e) => { e.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", (e) => { if (!e.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", (e) => {
  e.preventDefault();
  document.body.classList.remove("dropping");
  if (e.dataTransfer.files[0]) take(e.dataTransfer.files[0]);
});

// ---- loading ----

// download fetches the program, once for both workers, and shows how far it has come.
async function download() {
  const link = $("wasm");
  const response = await fetch(link.href);
  if (!response.ok) throw new Error(response.status + " " + response.statusText);
  const all = Number(link.dataset.bytes) || Number(response.headers.get("content-length")) || 12e6;
  let done = 0;
  const counted = response.body.pipeThrough(new TransformStream({
    transform(chunk, out) {
      done += chunk.length;
      $("progress").value = done / all;
      put($("loaded"), "fetching-of", { done: (done / 1e6).toFixed(1), all: (all / 1e6).toFixed(1) });
      out.enqueue(chunk);
    },
  }));
  return WebAssembly.compileStreaming(new Response(counted, { headers: { "content-type": "application/wasm" } }));
}

async function begin() {
  build(plan);
  translate();
  $("file").onchange = () => { if ($("file").files[0]) take($("file").files[0]); };
  enter("loading");
  if (!navigator.gpu) {
    $("loading").hidden = true;
    return events.error({ kind: "no webgpu" });
  }
  try {
    module = await download();
  } catch (e) {
    $("loading").hidden = true;
    enter("broken");
    return alarm("fetch", ["", [], String(e)]);
  }
  put($("loaded"), "starting");
  trainer = new Worker($("worker").href);
  trainer.onmessage = ({ data }) => events[data.event](data);
  trainer.onerror = (e) => { alarm("program", ["", [], e.message]); enter("broken"); };
  trainer.postMessage({ module, role: "trainer" });
}
begin();
