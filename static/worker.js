// Starts the program in a worker, or, for the charts where workers cannot draw, in a frame (charts.js). The first message
// brings the compiled module and the role; from then on messages are the program's.
"use strict";

// Ebiten, which draws the charts, asks for a window with a document when the program begins, whatever its role. Where
// there is none it gets what it asks for: a body of the size that the page says, and the page's canvas.
function pretendDocument(canvas, size) {
  const style = {};
  const element = { style, appendChild() {}, setAttribute() {}, clientWidth: size.width, clientHeight: size.height };
  globalThis.Document = class { get hidden() { return false; } };
  globalThis.document = Object.assign(new Document(), {
    body: element, head: element, documentElement: element,
    hasFocus: () => true, addEventListener() {},
    createElement: (kind) => (kind === "canvas" ? canvas : element),
  });
  globalThis.window = globalThis;
  globalThis.parent = globalThis;
  globalThis.screen = size;
  globalThis.devicePixelRatio = size.ratio;
  navigator.getGamepads = () => [];
  // The page passes the pointer on to the program itself, and makes the charts anew when their GPU is lost, where Ebiten
  // would load the page again.
  Object.assign(canvas, { style, setAttribute() {}, focus() {}, addEventListener() {} });
  EventTarget.prototype.addEventListener.call(canvas, "webglcontextlost", (e) => {
    e.preventDefault();
    postMessage({ event: "lost" });
  });
}

// The charts smooth their lines' edges themselves, and leave nothing transparent: a canvas that does neither is cheaper.
function plainCanvas({ prototype }) {
  const { getContext } = prototype;
  prototype.getContext = function (kind, attributes) {
    return getContext.call(this, kind, kind.startsWith("webgl") ? { ...attributes, antialias: false, alpha: false } : attributes);
  };
}

// There are browsers that hand a worker a canvas on which it cannot draw: one that nobody needs is asked.
const draws = () => typeof OffscreenCanvas !== "undefined" && new OffscreenCanvas(1, 1).getContext("webgl2") !== null;

async function begin({ module, role, canvas, size }) {
  const inWorker = typeof document === "undefined";
  if (role === "charts") {
    if (inWorker && !draws()) return postMessage({ event: "cannot draw" });
    plainCanvas(inWorker ? OffscreenCanvas : HTMLCanvasElement);
  }
  const go = new Go();
  go.argv = ["minimind-gpu", role];
  if (inWorker) pretendDocument(canvas ?? new EventTarget(), size ?? { width: 16, height: 16, ratio: 1 });
  const instance = await WebAssembly.instantiate(module, go.importObject);
  globalThis.wasm = { instance };
  const end = go.run(instance);
  if (!inWorker) document.querySelector("canvas").removeAttribute("tabindex"); // Ebiten would keep the keyboard for itself
  await end;
  postMessage({ event: "ended" }); // it never ends by itself
}

if (typeof importScripts === "function") {
  importScripts("./wasm_exec.js");
  addEventListener("message", ({ data }) => begin(data), { once: true });
  // The size of the canvas is the page's business.
  addEventListener("message", ({ data }) => {
    if (data.do !== "size") return;
    Object.assign(document.body, { clientWidth: data.width, clientHeight: data.height });
    dispatchEvent(new Event("resize"));
  });
}
