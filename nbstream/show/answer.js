// The view of one answer: places what the kernel rendered, asks for what it missed, stops the turn.
// `createBlocks` comes from ops.js, which stands before this in the same module.

const shared = new Map(); // initialize() and render() get different model objects: what they share is here

function views(model) {
  const key = model.get("turn");
  if (!shared.has(key)) shared.set(key, new Set());
  return shared.get(key);
}

function make(tag, name, parent, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

function scroller(node) {
  for (let at = node.parentElement; at; at = at.parentElement) {
    const flow = getComputedStyle(at).overflowY;
    if ((flow === "auto" || flow === "scroll") && at.scrollHeight > at.clientHeight + 1) return at;
  }
  return document.scrollingElement;
}

class View {
  constructor(model, el) {
    const words = (this.words = model.get("words"));
    this.model = model;
    this.el = make("div", "nbs-answer", el);
    this.think = make("details", "nbs-think", this.el);
    make("summary", "", this.think, words.thinking);
    this.thought = make("div", "nbs-thought", this.think);
    this.think.hidden = true;
    this.body = make("div", "nbs-body jp-RenderedHTMLCommon", this.el);
    this.blocks = createBlocks(this.body);
    this.tail = make("div", "nbs-tail", this.el);
    // Below the text, where the footer will stand: when it goes, no line above it moves.
    const bar = make("div", "nbs-bar", this.el);
    make("span", "nbs-dot", bar);
    this.status = make("span", "nbs-status", bar);
    this.status.setAttribute("role", "status");
    this.stop = make("button", "nbs-stop", bar, words.stop);
    this.stop.type = "button";
    this.stop.title = words.stop_title;
    this.stop.onclick = () => this.halt();
    this.seq = -1;
    this.acked = 0;
    this.show(model.get("status"));
    this.sync();
    // What a page sends before its subshell stands waits until the cell ends: ask until something comes.
    this.asking = setInterval(() => (this.seq < 0 ? this.sync(true) : clearInterval(this.asking)), 60);
  }

  sync(again) {
    if (this.over || (!again && this.asked && Date.now() - this.asked < 500)) return;
    this.asked = Date.now();
    this.say({ do: "sync" }, again || (this.seq >= 0 && !this.heard));
  }

  // A comm waits for the running cell where the kernel or the page knows no subshells. The kernel's control
  // channel waits for nothing: once we know that we are heard there, all but Stop goes there alone.
  say(wish, both) {
    const type = this.model.get("control");
    const kernel = this.model.widget_manager?.kernel;
    let sent = false;
    try {
      if (type && kernel.sendControlMessage) {
        const id = Math.random().toString(36).slice(2) + Date.now();
        const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
        kernel.sendControlMessage({
          channel: "control",
          header: { msg_id: id, msg_type: type, date: new Date().toISOString(), ...names },
          parent_header: {},
          metadata: {},
          content: { turn: this.model.get("turn"), ...wish },
          buffers: [],
        });
        sent = true;
      }
    } catch {} // a page which has the method for show
    if (!sent || both) this.model.send(wish);
  }

  receive(msg) {
    if (msg.settle) return this.settle();
    if (msg.full) {
      this.heard ||= msg.control;
      if (this.seq >= msg.seq) return;
      this.blocks.reset();
      this.thought.textContent = "";
      this.tail.replaceChildren();
    } else if (msg.seq !== this.seq + 1) {
      if (msg.seq > this.seq + 1) this.sync();
      return;
    }
    this.seq = msg.seq;
    const page = scroller(this.el);
    const follow = page && page.scrollTop > 0 && page.scrollHeight - page.scrollTop - page.clientHeight < 24;
    if (msg.reset && !msg.full) this.blocks.reset();
    if (msg.ops) this.blocks.apply(msg.ops);
    if (msg.think) {
      this.think.hidden = false;
      this.thought.append(msg.think);
    }
    if ("status" in msg) this.show(msg.status);
    if (msg.end) this.end(msg.end);
    if (follow) page.scrollTop = page.scrollHeight;
    this.acknowledge();
  }

  acknowledge() {
    if (this.later || this.over) return; // after the end there is nothing left to pace
    const wait = Math.max(0, this.acked + 250 - Date.now());
    this.later = setTimeout(() => {
      this.later = 0;
      this.acked = Date.now();
      this.say({ do: "ack", seq: this.seq }, !this.heard);
    }, wait);
  }

  show(status) {
    if (status && this.stop.disabled) return; // "stopping" stands until it has
    clearInterval(this.ticking);
    this.el.classList.toggle("nbs-live", !!status);
    this.stop.hidden = !status;
    if (!status) return void (this.status.textContent = "");
    const from = Date.now();
    const paint = () => {
      const s = Math.max(0, Math.round(status.seconds + (status.step * (Date.now() - from)) / 1000));
      this.status.textContent = status.text.replace("{s}", s);
    };
    paint();
    if (status.step) this.ticking = setInterval(paint, 250);
  }

  end(end) {
    this.over = true;
    clearTimeout(this.later);
    if (end.card) {
      const card = make("div", "nbs-card", this.tail);
      card.setAttribute("role", "alert");
      make("div", "nbs-what", card, end.card.what);
      make("div", "", card, end.card.why);
      make(end.card.code ? "code" : "div", "nbs-fix", card, end.card.fix);
    }
    if (end.footer) make("div", "nbs-footer", this.tail, end.footer);
  }

  halt() {
    this.stop.disabled = true;
    this.status.textContent = this.words.stopping;
    clearInterval(this.ticking);
    this.say({ do: "stop" }, true);
    // Where the kernel cannot hear us because our own cell holds it, interrupt it as the ■ does.
    setTimeout(() => {
      if (!this.over && this.model.get("blocking")) this.model.widget_manager?.kernel?.interrupt?.();
    }, 400);
  }

  // The output is about to be replaced by Markdown. Hold the height and leave a picture of the text
  // in place until the Markdown stands, so that nothing jumps and nothing blinks.
  settle() {
    const area = this.el.closest(".jp-OutputArea");
    if (!area || area.querySelector(":scope > .nbs-ghost")) return;
    const output = this.el.closest(".jp-OutputArea-output") || this.el;
    const from = area.getBoundingClientRect();
    const at = output.getBoundingClientRect();
    const ghost = this.el.cloneNode(true);
    ghost.classList.add("nbs-ghost");
    ghost.setAttribute("aria-hidden", "true");
    ghost.style.setProperty("--nbs-left", at.left - from.left + "px");
    ghost.style.setProperty("--nbs-top", at.top - from.top + "px");
    ghost.style.width = at.width + "px";
    area.style.minHeight = from.height + "px";
    area.classList.add("nbs-settling");
    area.prepend(ghost);
    const began = Date.now();
    let frames = 0;
    const look = () => {
      const done = [...area.querySelectorAll(".jp-RenderedMarkdown")].some((node) => node.childElementCount);
      frames += done ? 1 : 0;
      if (frames > 3 || Date.now() - began > 3000) {
        ghost.remove();
        area.style.minHeight = "";
        area.classList.remove("nbs-settling");
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  close() {
    clearInterval(this.asking);
    clearInterval(this.ticking);
    clearTimeout(this.later);
  }
}

export default {
  initialize({ model }) {
    const all = views(model);
    model.on("msg:custom", (msg) => all.forEach((view) => view.receive(msg)));
    return () => shared.delete(model.get("turn"));
  },
  render({ model, el }) {
    const view = new View(model, el);
    views(model).add(view);
    return () => {
      views(model).delete(view);
      view.close();
    };
  },
};
