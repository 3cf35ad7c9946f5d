// One view of the panel: its parts, its words, and its talk with the kernel.

const panels = new Map(); // initialize() and render() get different model objects: what they share is here

function viewsOf(model) {
  const key = model.get("panel");
  if (!panels.has(key)) panels.set(key, new Set());
  return panels.get(key);
}

function make(tag, name = "", parent, text = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  parent?.append(node);
  return node;
}

const ICONS = {
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4.5 4.5h7v7h-7z",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  edit: "M3 13l.6-2.6L10.8 3.2l2 2L5.6 12.4z",
  remove: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  close: "M4 4l8 8M12 4l-8 8",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  attach: "M11.5 6.5 7 11a2 2 0 0 1-3-3l5-5a1.3 1.3 0 0 1 2 2L6.5 9.5",
  settings: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.5v3M6 9.5v3",
  export: "M8 2.5v7M5 7l3 3 3-3M3 13h10",
};

class Panel {
  constructor(model, el) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.count = 0;
    this.waiting = new Map(); // who asked, by the number of the wish
    this.memory = {}; // what the parts keep while all is built anew
    this.root = make("div", "nbp", el);
    this.root.role = "region";
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.onkeydown = (event) => event.stopPropagation();
    this.rebuild = () => this.build();
    model.on("change:words", this.rebuild);
    this.build();
  }

  build() {
    this.close(true);
    this.words = this.model.get("words");
    this.seq = -1;
    this.state = {};
    const held = this.root.contains(document.activeElement);
    this.root.replaceChildren();
    this.root.ariaLabel = this.words.title;
    const place = (name) => make("div", `nbp-${name}`, this.root);
    this.parts = {};
    const makers = { head: createHead, life: createLife, transcript: createTranscript, composer: createComposer };
    for (const name in makers) this.parts[name] = makers[name](this, place(name));
    if (held && document.activeElement === document.body) this.parts.composer.focus(); // another language
    this.live = make("div", "nbp-unseen", this.root);
    this.live.role = "status";
    this.sync(true);
    // What a page sends before its subshell stands waits until the cell ends: ask until something comes.
    this.asking = setInterval(() => (this.seq < 0 ? this.sync(true) : clearInterval(this.asking)), 100);
  }

  sync(again) {
    if (!again && Date.now() - (this.asked ?? 0) < 500) return;
    this.asked = Date.now();
    this.say({ do: "sync" });
  }

  // A comm may wait for the running cell, the control channel waits for nothing. Python takes the first of
  // two that are alike. What carries bytes goes by the comm alone.
  say(wish, buffers) {
    const id = ++this.count;
    const told = { ...wish, view: this.view, id };
    const { kernel } = this.model.widget_manager ?? {};
    const msg_type = this.model.get("control");
    // A kernel that is dead takes nothing; `life.js` says so.
    const control = msg_type && !buffers?.length && kernel?.status !== "dead" && kernel?.sendControlMessage;
    if (control) {
      const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
      const header = { msg_type, msg_id: this.view + id, date: new Date().toISOString(), ...names };
      const content = { turn: this.model.get("panel"), wish: told };
      kernel.sendControlMessage({ channel: "control", header, parent_header: {}, metadata: {}, content, buffers: [] });
    }
    try {
      if (!control || !this.state.control) this.model.send(told, undefined, buffers);
    } catch {
      this.lost = true; // its connection was closed: life.js says so
    }
    return id;
  }

  ask(wish, buffers) {
    return new Promise((resolve) => this.waiting.set(this.say({ ...wish, ask: true }, buffers), resolve));
  }

  receive(msg, buffers) {
    if (msg.full) {
      if (this.seq === msg.seq - 1) return void (this.seq = msg.seq); // it is for another view
      if (this.seq >= msg.seq) return;
    } else if (msg.seq !== this.seq + 1) {
      if (msg.seq > this.seq + 1) this.sync();
      return;
    }
    this.seq = msg.seq;
    const { reply, state } = msg;
    if (msg.full) this.state = {};
    Object.assign(this.state, state);
    for (const part of Object.values(this.parts)) {
      if (state) part.state?.(this.state, Object.keys(state), msg.full);
      part.receive?.(msg);
    }
    if (reply?.to === this.view) {
      this.waiting.get(reply.id)?.({ ...reply, buffers });
      this.waiting.delete(reply.id);
    }
    this.later ??= setTimeout(() => {
      this.later = null;
      this.say({ do: "ack", seq: this.seq });
    }, 250);
  }

  speak(sentence) {
    this.live.textContent = sentence;
  }

  icon(name) {
    const holder = make("template");
    holder.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
    return holder.content.firstChild;
  }

  // A button with a picture, or with words.
  button(name, icon, parent, does) {
    const button = make("button", icon ? "nbp-icon" : "nbp-button", parent, icon ? "" : this.words[name]);
    button.type = "button";
    if (icon) {
      button.append(this.icon(icon));
      button.title = button.ariaLabel = this.words[name];
    }
    button.onclick = does;
    return button;
  }

  // What mends an error: something to copy, to do here, or to wish for.
  async mend({ copy, wish }, anchor) {
    const { head, transcript } = this.parts;
    if (copy) return this.copy(copy);
    if (wish.do === "openedit") return transcript.edit(wish.turn);
    if (wish.do === "openkey") return head.openKey(wish.provider);
    const model = wish.do === "choosemodel" && (await head.chooseModel(anchor));
    const chosen = wish.turn ? { do: "retry", turn: wish.turn, model } : { do: "model", name: model };
    if (model !== null) this.say(model ? chosen : wish);
  }

  async copy(text) {
    const put = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
    };
    document.addEventListener("copy", put, true);
    // Where the page is not served safely there is only the old way.
    await (navigator.clipboard?.writeText(text) ?? document.execCommand("copy"));
    document.removeEventListener("copy", put, true);
    this.speak(this.words.copied);
  }

  close(again) {
    clearInterval(this.asking);
    clearTimeout(this.later);
    this.later = null;
    for (const part of Object.values(this.parts ?? {})) part.close?.();
    if (!again) this.model.off("change:words", this.rebuild);
  }
}
