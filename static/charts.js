// canDraw says whether the browser can show charts at all, which it also cannot while its GPU process starts again.
export const canDraw = () => document.createElement("canvas").getContext("webgl2") !== null;

// The charts' worker and its canvas; where a worker cannot draw, a frame of the page takes its place.
export class Charts {
  #target; // worker, or the frame's window
  #canvas;
  #box;
  #events;
  #colors = {};
  #waiting = []; // messages until the program is up
  #observer;

  // events: up(), colors(), lost(), png(blob)
  constructor(box, module, events) {
    this.#box = box;
    this.#events = events;
    const canTransfer = "transferControlToOffscreen" in HTMLCanvasElement.prototype && !location.search.includes("charts=frame");
    if (canTransfer) this.#inWorker(module); else this.#inFrame(module);
    followKeys(box, (m) => this.send(m));
    this.#observer = new ResizeObserver(() => this.send({ do: "size", ...this.#size() }));
    this.#observer.observe(box);
  }

  #size() { return { width: this.#box.clientWidth, height: this.#box.clientHeight, ratio: devicePixelRatio }; }

  #inWorker(module) {
    const canvas = (this.#canvas = document.createElement("canvas"));
    this.#box.replaceChildren(canvas);
    const offscreen = canvas.transferControlToOffscreen();
    const worker = (this.#target = new Worker(document.getElementById("worker").href));
    worker.onmessage = ({ data }) => {
      if (data.event !== "cannot draw") return this.#receive(data);
      worker.terminate();
      this.#inFrame(module);
    };
    worker.onerror = (e) => { e.preventDefault(); this.#events.lost(); };
    worker.postMessage({ module, role: "charts", canvas: offscreen, size: this.#size() }, [offscreen]);
    follow(canvas, (m) => this.send(m));
  }

  #inFrame(module) {
    const frame = (this.#canvas = Object.assign(document.createElement("iframe"), { tabIndex: -1 }));
    frame.srcdoc = '<script src="./wasm_exec.js"></' + 'script><script src="./worker.js"></' + "script>";
    frame.onload = () => {
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.#receive(data);
      this.#target = { postMessage: (data) => inside.dispatchEvent(new MessageEvent("message", { data })), terminate() {} };
      follow(inside, (m) => this.send(m));
      inside.begin({ module, role: "charts" });
    };
    this.#box.replaceChildren(frame);
  }

  #receive(data) {
    if (data.event === "up") {
      this.#events.up();
      const waiting = this.#waiting;
      this.#waiting = null;
      for (const [message, transfer] of waiting) this.#target.postMessage(message, transfer);
    } else if (data.event === "colors") {
      this.#colors = JSON.parse(data.colors);
      this.#events.colors();
    } else if (data.event === "png") {
      this.#events.png(data.blob);
    } else if (data.event === "frames") {
      this.#canvas.dataset.frame = data.median; // milliseconds, for those who measure
    } else if (data.event === "lost" || data.event === "ended") {
      this.#events.lost();
    }
  }

  send(message, transfer = []) {
    if (this.#waiting) this.#waiting.push([message, transfer]); else this.#target.postMessage(message, transfer);
  }
  port(port) { this.send({ do: "port", port }, [port]); }
  view(view) { this.send({ do: "view", view: JSON.stringify(view) }); }
  remove(run) { this.send({ do: "remove", run }); }
  color(run) { return this.#colors[run]; }

  close() {
    this.#observer.disconnect();
    this.#target?.terminate();
  }
}

// follow passes the pointer on.
function follow(target, send) {
  const pass = (kind) => (e) => send({ do: "pointer", kind, x: e.offsetX, y: e.offsetY });
  target.addEventListener("pointermove", pass("move"));
  target.addEventListener("pointerleave", pass("leave"));
  target.addEventListener("pointerdown", (e) => { if (e.pointerType === "mouse") pass("down")(e); });
  target.addEventListener("pointerup", pass("up"));
  target.addEventListener("dblclick", pass("back"));
}

// followKeys lets the arrow keys move along the curves, as the pointer does; Escape leaves, Backspace zooms back.
function followKeys(box, send) {
  const at = { x: box.clientWidth / 2, y: box.clientHeight / 3 };
  box.tabIndex = 0;
  box.onkeydown = (e) => {
    const by = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -24], ArrowDown: [0, 24] }[e.key];
    if (by) {
      at.x = Math.min(Math.max(at.x + by[0], 0), box.clientWidth);
      at.y = Math.min(Math.max(at.y + by[1], 0), box.clientHeight);
      send({ do: "pointer", kind: "move", ...at });
    } else if (e.key === "Escape") {
      send({ do: "pointer", kind: "leave", ...at });
    } else if (e.key === "Backspace") {
      send({ do: "back" });
    } else return;
    e.preventDefault();
  };
  box.onblur = () => send({ do: "pointer", kind: "leave", ...at });
}
