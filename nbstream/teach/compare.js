// Several answers side by side as they come. What ops.js, steady.js and settling.js define stands before this.

const shared = new Map(); // initialize() and render() get different model objects: what they share is here

function views(model) {
  const key = model.get("turn");
  if (!shared.has(key)) shared.set(key, new Set());
  return shared.get(key);
}

function make(tag, name = "", parent, text = "") {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  parent?.append(node);
  return node;
}

const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (all, name) => facts[name] ?? all);

class Column {
  constructor(view, index, name) {
    const { words } = (this.view = view);
    const about = { number: index + 1, model: name };
    this.index = index;
    this.el = make("section", "nbk-column", view.columns);
    this.el.role = "region";
    this.el.ariaLabel = fill(words.region, about);
    const head = make("header", "nbk-head", this.el);
    make("b", "", head, index + 1);
    make("span", "", head, name).title = name;
    this.stop = make("button", "nbk-button", head, words.stop);
    this.stop.ariaLabel = this.stop.title = fill(words.stop_one, about);
    this.stop.onclick = () => view.halt(this);
    this.room = make("div", "nbk-room", this.el);
    this.room.tabIndex = 0; // so that keys can scroll it
    this.fold = make("details", "nbk-fold", this.room);
    make("summary", "", this.fold, words.thinking);
    this.thought = make("div", "", this.fold);
    this.fold.hidden = true;
    this.body = make("div", "nbs-body jp-RenderedHTMLCommon", this.room);
    this.blocks = createBlocks(this.body);
    const foot = make("footer", "nbk-foot", this.el);
    this.dot = make("span", "nbk-dot", foot);
    this.status = make("span", "nbk-status", foot);
    this.keep = make("button", "nbk-button", foot, words.keep_button);
    this.keep.title = words.keep_title;
    this.keep.onclick = () => view.say({ do: "keep", column: index }, true);
    this.keep.hidden = true;
    this.live = true;
  }

  receive(msg, full) {
    const { room } = this;
    const along = room.scrollHeight - room.scrollTop - room.clientHeight < 8;
    if (full || msg.reset) {
      this.thought.textContent = "";
      this.blocks.reset();
    }
    if (msg.ops) this.blocks.apply(msg.ops);
    if (msg.think) this.thought.append(msg.think);
    this.fold.hidden = !this.thought.firstChild;
    if (msg.end != null) this.end(msg);
    else if (msg.status) this.show(msg.status);
    if (along) room.scrollTop = room.scrollHeight;
  }

  show(status) {
    clearInterval(this.ticking);
    if (!this.live || this.stop.disabled) return; // "stopping" stands until it has
    const from = Date.now();
    const paint = () => {
      const s = Math.max(0, Math.round(status.seconds + (status.step * (Date.now() - from)) / 1000));
      this.status.textContent = status.text.replace("{s}", s);
    };
    paint();
    if (status.step) this.ticking = setInterval(paint, 250);
  }

  end({ end, keep }) {
    clearInterval(this.ticking);
    this.live = false;
    this.dot.hidden = this.stop.hidden = true;
    this.status.innerHTML = end; // ours: numbers, or the card of an error
    this.keep.hidden = !keep || !this.view.model.get("keeps");
  }

  stopping() {
    if (!this.live) return;
    clearInterval(this.ticking);
    this.stop.disabled = true;
    this.status.textContent = this.view.words.stopping;
  }
}

class View {
  constructor(model, el) {
    this.model = model;
    this.words = model.get("words");
    this.el = make("div", "nbk-compare", el);
    this.columns = make("div", "nbk-columns", this.el);
    this.all = model.get("names").map((name, index) => new Column(this, index, name));
    const bar = make("div", "nbk-bar", this.el);
    this.left = make("span", "", bar);
    this.left.role = "status";
    this.stop = make("button", "nbk-button", bar, this.words.stop_all);
    this.stop.title = this.words.stop_all_title;
    this.stop.onclick = () => this.halt();
    this.steady = createSteady(this.el, this.columns);
    this.seq = -1;
    this.acked = 0;
    this.sync();
    // What a page sends before its subshell stands waits until the cell ends: ask until something comes.
    this.asking = setInterval(() => (this.seq < 0 ? this.sync(true) : clearInterval(this.asking)), 60);
  }

  sync(again) {
    if (!again && this.asked && Date.now() - this.asked < 500) return;
    this.asked = Date.now();
    this.say({ do: "sync" }, again || (this.seq >= 0 && !this.heard));
  }

  // A comm may wait for the running cell, the control channel waits for nothing.
  say(wish, both) {
    const { model } = this;
    try {
      const kernel = model.widget_manager.kernel;
      const msg_type = model.get("control");
      if (!msg_type) throw 0;
      const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
      const header = { msg_type, msg_id: "" + Math.random(), date: new Date().toISOString(), ...names };
      const content = { turn: model.get("turn"), ...wish };
      kernel.sendControlMessage({
        channel: "control", header, parent_header: {}, metadata: {}, content, buffers: [],
      });
    } catch {
      both = true; // no such channel
    }
    if (both) model.send(wish);
  }

  receive(msg) {
    if (msg.settle) return settleOver(this.el, this.columns);
    if ("kept" in msg) return this.chose(msg.kept);
    if (msg.full) {
      this.heard ||= msg.control;
      if (this.seq >= msg.seq) return;
    } else if (msg.seq !== this.seq + 1) {
      if (msg.seq > this.seq + 1) this.sync();
      return;
    }
    this.seq = msg.seq;
    this.steady.before();
    for (const [index, column] of msg.columns) this.all[index].receive(column, msg.full);
    this.steady.after();
    const left = this.all.filter((column) => column.live).length;
    const text = left ? fill(this.words.answering, { left, count: this.all.length }) : "";
    if (text !== this.left.textContent) this.left.textContent = text;
    this.stop.hidden = !left;
    this.acknowledge();
  }

  chose(index) {
    for (const { keep, el, index: one } of this.all) {
      keep.textContent = one === index ? this.words.kept : this.words.keep_button;
      keep.ariaPressed = one === index;
      el.classList.toggle("nbk-kept", one === index);
    }
  }

  acknowledge() {
    if (this.later) return;
    const wait = Math.max(0, this.acked + 250 - Date.now());
    this.later = setTimeout(() => {
      this.later = 0;
      this.acked = Date.now();
      this.say({ do: "ack", seq: this.seq }, !this.heard);
    }, wait);
  }

  // One column, or all.
  halt(column) {
    this.el.closest(".jp-Cell")?.focus({ preventScroll: true }); // or the keyboard would be nowhere
    for (const one of column ? [column] : this.all) one.stopping();
    if (!column) this.stop.disabled = true;
    this.say({ do: "stop", ...(column && { column: column.index }) }, true);
    // Where the kernel cannot hear us because our own cell holds it, interrupt it as the ■ does: of all, once.
    setTimeout(() => {
      const live = this.all.some((one) => one.live);
      if (!column && live && this.model.get("blocking")) this.model.widget_manager?.kernel?.interrupt?.();
    }, 400);
  }

  close() {
    clearInterval(this.asking);
    clearTimeout(this.later);
    for (const column of this.all) clearInterval(column.ticking);
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
