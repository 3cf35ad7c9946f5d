// The view of an x-ray: what goes over the wire, as it goes. All text is text; the picture is made by the
// kernel, of numbers and of words of ours. What view.js defines stands before this in the same module.

class View {
  constructor(model, el) {
    this.model = model;
    this.words = model.get("words");
    this.el = make("section", "nbx", el);
    this.el.ariaLabel = this.words.title;
    const head = make("div", "nbx-head", this.el);
    make("strong", "", head, this.words.title);
    this.facts = make("span", "nbx-facts", head, this.words.nothing);
    this.picture = make("div", "nbx-picture", this.el);
    const sides = make("div", "nbx-sides", this.el);
    this.requests = make("div", "nbx-requests", sides);
    this.list = make("div", "nbx-frames", sides);
    this.list.role = "group";
    this.list.ariaLabel = this.words.frames;
    this.list.tabIndex = 0;
    const titles = make("div", "nbx-row nbx-titles", this.list);
    for (let n = 0; n < 4; n++) make("span", "", titles, this.words["head" + n]);
    this.gap = make("div", "nbx-gap", this.list);
    this.last = make("div", "", this.list);
    this.seq = -1;
    this.sync();
    this.asking = setInterval(() => (this.seq < 0 ? this.sync() : clearInterval(this.asking)), 100);
  }

  // The control channel waits for no cell; a comm may.
  sync() {
    const { model } = this;
    const wish = { do: "sync" };
    try {
      const kernel = model.widget_manager.kernel;
      const msg_type = model.get("control");
      const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
      const header = { msg_type, msg_id: "" + Math.random(), date: new Date().toISOString(), ...names };
      const content = { turn: model.get("key"), ...wish };
      const rest = { channel: "control", parent_header: {}, metadata: {}, buffers: [] };
      if (msg_type) kernel.sendControlMessage({ ...rest, header, content });
    } catch {} // no such channel
    model.send(wish);
  }

  receive(msg) {
    if (msg.settle) return this.settle();
    if (msg.full ? this.seq >= msg.seq && this.seq > 0 : msg.seq !== this.seq + 1) {
      if (msg.seq > this.seq + 1) this.sync();
      return;
    }
    this.seq = msg.seq;
    if (msg.full) {
      this.requests.replaceChildren();
      for (const row of [...this.list.querySelectorAll(":scope > details")]) row.remove();
    }
    const end = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 30;
    this.facts.textContent = msg.facts;
    if (msg.picture) this.picture.innerHTML = msg.picture;
    for (const one of msg.requests ?? []) this.request(one);
    for (const one of msg.frames ?? []) this.list.insertBefore(this.frame(one), this.gap);
    if (msg.last) {
      this.gap.textContent = msg.gap > 0 ? this.words.more.replace("{n}", msg.gap) : "";
      this.last.replaceChildren(...msg.last.map((one) => this.frame(one)));
    }
    if (end) this.list.scrollTop = this.list.scrollHeight;
  }

  request({ title, text, steps }) {
    const one = make("details", "", this.requests);
    one.open = true;
    make("summary", "", one, title);
    make("pre", "", one, text);
    if (!steps.length) return;
    const how = make("details", "", this.requests);
    how.open = true;
    make("summary", "", how, this.words.signature);
    for (const [name, value] of steps) {
      make("p", "", how, name);
      make("pre", "", how, value);
    }
  }

  frame([number, when, size, became, raw]) {
    const one = make("details");
    const row = make("summary", "nbx-row", one);
    for (const text of [number, when, size, became]) make("span", "", row, text);
    make("pre", "", one, raw);
    return one;
  }

  // What follows takes its place in a moment: the page must not jump meanwhile.
  settle() {
    const area = this.el.closest(".jp-OutputArea")?.parentElement;
    if (!area) return;
    area.style.minHeight = getComputedStyle(area).height;
    setTimeout(() => (area.style.minHeight = ""), 700);
  }

  close() {
    clearInterval(this.asking);
  }
}
