// The view of one answer: places what the kernel rendered, asks for what it missed, stops the turn.
// What ops.js, steady.js and settling.js define stands before this in the same module.

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

class View {
  constructor(model, el) {
    const words = (this.words = model.get("words"));
    this.model = model;
    this.el = make("div", "nbs-answer", el);
    this.body = make("div", "nbs-body jp-RenderedHTMLCommon", this.el);
    // The footer's place. The status stands upon it, so that nothing above moves.
    this.foot = make("p", "nbs-foot", this.body, "\u00a0");
    this.blocks = createBlocks(this.body, this.foot);
    this.steady = createSteady(this.el, this.body);
    this.thought = make("div", "nbs-thought", this.el);
    const bar = make("div", "nbs-bar", this.el);
    make("span", "nbs-dot", bar);
    this.status = make("span", "nbs-status", bar);
    this.status.role = "status";
    this.fold = make("details", "nbs-fold", bar);
    make("summary", "", this.fold, words.thinking);
    this.fold.hidden = this.thought.hidden = true;
    this.fold.ontoggle = () => {
      this.thought.hidden = !this.fold.open;
      this.thought.scrollIntoView({ block: "nearest" });
    };
    this.stop = make("button", "nbs-stop", bar, words.stop);
    this.stop.title = words.stop_title;
    // With the press: below a fast answer it moves on before the mouse comes up. Keys only click.
    this.stop.onpointerdown = this.stop.onclick = (event) => event.button || this.halt();
    this.seq = -1;
    this.typeset = 0; // the blocks whose formulas are set
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

  // A comm may wait for the running cell, the control channel waits for nothing: once heard there, we say
  // all but Stop there alone.
  say(wish, both) {
    const { model } = this;
    try {
      const kernel = model.widget_manager.kernel;
      const msg_type = model.get("control");
      if (!msg_type) throw 0;
      const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
      const header = { msg_type, msg_id: "" + Math.random(), date: new Date().toISOString(), ...names };
      const content = { turn: model.get("turn"), ...wish };
      const message = { channel: "control", header, parent_header: {}, metadata: {}, content, buffers: [] };
      kernel.sendControlMessage(message);
    } catch {
      both = true; // no such channel
    }
    if (both) model.send(wish);
  }

  receive(msg) {
    if (msg.settle) return settleOver(this.el, this.body);
    if (msg.full) {
      this.heard ||= msg.control;
      if (this.seq >= msg.seq) return;
    } else if (msg.seq !== this.seq + 1) {
      if (msg.seq > this.seq + 1) this.sync();
      return;
    }
    this.seq = msg.seq;
    this.steady.before();
    if (msg.full || msg.reset) {
      this.thought.textContent = "";
      this.blocks.reset();
      this.typeset = 0;
    }
    if (msg.ops) this.blocks.apply(msg.ops);
    if (msg.think) this.thought.append(msg.think);
    this.fold.hidden = !this.thought.firstChild;
    if ("status" in msg) this.show(msg.status);
    if (msg.end != null) this.end(msg.end);
    this.steady.after();
    this.formulas();
    this.acknowledge();
  }

  // Formulas of finished blocks are set by the page's own typesetter: a block at a time, it takes its time.
  async formulas() {
    const setter = this.model.widget_manager?.rendermime?.latexTypesetter;
    const blocks = this.body.children;
    if (!setter || this.setting) return;
    this.setting = true;
    for (; this.typeset < blocks.length - (this.over ? 0 : 2); this.typeset++) {
      const block = blocks[this.typeset];
      const found = [...block.querySelectorAll(".nbs-tex")];
      if (!found.length) continue;
      await setter.typeset(make("div")); // which loads it
      this.steady.before();
      block.classList.add("mathjax_ignore"); // for there are prices
      const made = found.map((tex) => {
        const sign = tex.matches(".nbs-display") ? "$$" : "$";
        return make("span", "mathjax_process", null, sign + tex.textContent + sign);
      });
      const swap = (from, to) => from.forEach((node, i) => node.replaceWith(to[i]));
      swap(found, made);
      await setter.typeset(block);
      if (block.offsetHeight && document.fonts.status === "loading") {
        swap(made, found); // with other letters than its own it is higher
        await document.fonts.ready;
        swap(found, made);
      }
      this.steady.after();
      if (!this.over) await new Promise((go) => setTimeout(go));
    }
    this.setting = false;
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
    this.el.closest(".jp-OutputArea")?.classList.toggle("nbs-open", !!status);
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

  end(html) {
    this.over = true;
    clearTimeout(this.later);
    this.foot.insertAdjacentHTML("beforebegin", html);
    this.foot.remove();
  }

  halt() {
    if (this.stop.disabled) return;
    this.el.closest(".jp-Cell")?.focus({ preventScroll: true }); // or the keyboard would be nowhere
    this.stop.disabled = true;
    this.status.textContent = this.words.stopping;
    clearInterval(this.ticking);
    this.say({ do: "stop" }, true);
    // Where our own cell holds the kernel, interrupt it as ■ does. Late it hits the next.
    setTimeout(() => {
      if (!this.over && this.model.get("blocking")) this.model.widget_manager?.kernel?.interrupt?.();
    }, this.heard ? 2500 : 400);
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
