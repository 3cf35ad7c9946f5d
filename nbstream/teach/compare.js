// Several answers side by side. What ops.js, steady.js, settling.js and view.js define stands before this.

function button(parent, text, title, does) {
  const made = make("button", "nbk-button", parent, text);
  made.title = title;
  made.onclick = does;
  return made;
}

const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (all, name) => facts[name]);

class Column {
  constructor(view, index, name) {
    const { words } = (this.view = view);
    const about = { number: index + 1, model: name };
    this.index = index;
    this.live = true;
    this.el = make("section", "nbk-column", view.columns);
    this.el.role = "region";
    this.el.ariaLabel = fill(words.region, about);
    const head = make("header", "nbk-head", this.el);
    make("b", "", head, index + 1);
    make("span", "", head, name).title = name;
    this.stop = button(head, words.stop, fill(words.stop_one, about), () => view.halt(this));
    this.stop.ariaLabel = this.stop.title;
    this.room = make("div", "nbk-room", this.el);
    this.room.tabIndex = 0; // so that keys can scroll it
    this.fold = make("details", "nbk-fold", this.room);
    make("summary", "", this.fold, words.thinking);
    this.thought = make("div", "", this.fold);
    this.fold.hidden = true;
    const body = make("div", "nbs-body jp-RenderedHTMLCommon", this.room);
    this.blocks = createBlocks(body);
    const foot = make("footer", "nbk-foot", this.el);
    this.dot = make("span", "nbk-dot", foot);
    this.status = make("span", "nbk-status", foot);
    const wish = { do: "keep", column: index };
    this.keep = button(foot, words.keep_button, words.keep_title, () => view.say(wish, true));
    this.keep.hidden = true;
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
    else if (msg.status && this.live && !this.stop.disabled) this.show(msg.status);
    if (along) room.scrollTop = room.scrollHeight;
  }

  show({ text, seconds, step }) {
    clearInterval(this.ticking);
    const from = Date.now();
    const paint = () => {
      const s = Math.max(0, Math.round(seconds + (step * (Date.now() - from)) / 1000));
      this.status.textContent = text.replace("{s}", s);
    };
    paint();
    if (step) this.ticking = setInterval(paint, 250);
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
    this.show({ text: this.view.words.stopping, seconds: 0, step: 0 });
    this.stop.disabled = true;
  }
}

class View {
  constructor(model, el) {
    const names = model.get("names");
    this.model = model;
    this.words = model.get("words");
    this.el = make("div", "nbk-compare", el);
    this.columns = make("div", "nbk-columns", this.el);
    this.columns.style.setProperty("--nbk-n", names.length > 3 ? Math.ceil(names.length / 2) : names.length);
    this.all = names.map((name, index) => new Column(this, index, name));
    const bar = make("div", "nbk-bar", this.el);
    this.left = make("span", "", bar);
    this.left.role = "status";
    this.stop = button(bar, this.words.stop_all, this.words.stop_all_title, () => this.halt());
    this.steady = createSteady(this.el, this.columns);
    this.seq = -1;
    this.sync();
    // What is sent before the page's subshell stands may wait: ask until something comes.
    this.asking = setInterval(() => (this.seq < 0 ? this.sync(true) : clearInterval(this.asking)), 60);
  }

  sync(again) {
    if (!again && this.asked && Date.now() - this.asked < 500) return;
    this.asked = Date.now();
    this.say({ do: "sync" }, again || (this.seq >= 0 && !this.heard));
  }

  // A comm waits for the running cell, the control channel for nothing: see answer.js.
  say(wish, both) {
    const { model } = this;
    try {
      const kernel = model.widget_manager.kernel;
      const msg_type = model.get("control");
      if (!msg_type) throw 0;
      const { clientId: session, username } = kernel;
      const ids = { msg_type, msg_id: "" + Math.random(), session, username };
      const header = { ...ids, date: new Date().toISOString(), version: "5.3" };
      const content = { turn: model.get("key"), ...wish };
      const rest = { channel: "control", parent_header: {}, metadata: {}, buffers: [] };
      kernel.sendControlMessage({ ...rest, header, content });
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
    const left = this.all.filter((one) => one.live).length;
    this.left.textContent = left ? fill(this.words.answering, { left, count: this.all.length }) : "";
    this.stop.hidden = !left;
    this.acknowledge();
  }

  chose(index) {
    this.all.forEach(({ keep, el }, one) => {
      keep.textContent = one === index ? this.words.kept : this.words.keep_button;
      keep.ariaPressed = one === index;
      el.classList.toggle("nbk-kept", one === index);
    });
  }

  acknowledge() {
    this.later ||= setTimeout(() => {
      this.later = 0;
      this.say({ do: "ack", seq: this.seq }, !this.heard);
    }, 250);
  }

  halt(column) {
    this.el.closest(".jp-Cell")?.focus({ preventScroll: true }); // or the keyboard would be nowhere
    for (const one of column ? [column] : this.all) one.stopping();
    this.say({ do: "stop", column: column?.index }, true);
    if (column) return;
    this.stop.disabled = true;
    // Where the kernel cannot hear us, for our own cell holds it: as the ■ does. Late it hits the next cell.
    setTimeout(() => {
      if (!this.stop.hidden && this.model.get("blocking")) this.model.widget_manager?.kernel?.interrupt?.();
    }, this.heard ? 2500 : 400);
  }

  close() {
    clearInterval(this.asking);
    clearTimeout(this.later);
    for (const { ticking } of this.all) clearInterval(ticking);
  }
}
