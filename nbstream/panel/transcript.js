// The turns of the conversation: what was asked, what came, and what one may do with it.

const PACE = 3000; // milliseconds between two things said aloud
const ENDS = [". ", "! ", "? ", "。", "！", "？"];

function createTranscript(panel, place) {
  const turns = new Map(); // by id
  const log = make("div", "nbp-log", place);
  log.role = "log";
  log.ariaLive = "off"; // sentences go to panel.speak, not each word
  log.tabIndex = 0;
  const older = make("div", "nbp-older", log);
  older.dataset.word = "older";
  const jump = button(place, "jump", "down", () => follow());
  jump.classList.add("nbp-jump");
  const scroll = createFollowing(log, jump);
  const sizes = new ResizeObserver(() => scroll.keep());
  const pictures = new IntersectionObserver((seen) => seen.forEach(load), { root: log, rootMargin: "300px" });
  let asked = false; // for older turns
  let ticking;

  function button(parent, word, icon, act) {
    const made = make("button", "nbp-do", parent);
    if (icon) made.append(panel.icon(icon));
    made.dataset.word = word;
    made.onclick = () => act(made);
    return made;
  }

  // Names what stands in `root`, in the language of now: a button by its title, all else by its text.
  function label(root) {
    for (const node of root.querySelectorAll("[data-word]")) {
      const word = panel.words[node.dataset.word];
      if (node.firstElementChild) node.title = node.ariaLabel = word;
      else node.textContent = word;
    }
    log.ariaLabel = panel.words.log;
  }

  function say(turn, wish, more) {
    panel.say({ do: wish, turn: turn.info.id, ...more });
  }

  async function another(turn, anchor) {
    const model = await panel.parts.head.chooseModel(anchor);
    if (model) say(turn, "retry", { model });
  }

  async function copy(turn, made) {
    const { text } = await panel.ask({ do: "copy", turn: turn.info.id });
    await panel.copy(text);
    made.classList.add("nbp-copied");
    panel.speak(panel.words.copied);
    setTimeout(() => made.classList.remove("nbp-copied"), 1500);
  }

  // Asks once more before a turn goes: the button itself is the question.
  function remove(turn, made) {
    if (made.classList.contains("nbp-sure")) return say(turn, "remove");
    const icon = made.firstChild;
    made.classList.add("nbp-sure");
    made.textContent = panel.words.remove_sure;
    made.onblur = () => {
      made.classList.remove("nbp-sure");
      made.replaceChildren(icon);
    };
  }

  function create(info) {
    const el = make("article", "nbp-turn");
    const turn = { el, info: {}, dressed: 0, high: 0, at: 0, said: 0, next: 0 };
    const can = (parent, word, icon, act) => {
      const made = button(parent, word, icon, (it) => act(turn, it));
      made.dataset.can = word;
      return made;
    };
    el.tabIndex = -1;
    turn.ask = make("div", "nbp-ask", el);
    turn.number = make("span", "nbp-number", turn.ask);
    turn.prompt = make("div", "nbp-prompt", turn.ask);
    turn.prompt.dir = "auto";
    turn.whole = button(turn.ask, "whole", "", () => {
      turn.whole.ariaExpanded = !turn.ask.classList.toggle("nbp-folded");
    });
    turn.files = make("div", "nbp-files", turn.ask);
    const asking = make("div", "nbp-tools", turn.ask);
    can(asking, "edit", "edit", () => edit(turn.info.id));
    can(asking, "remove", "remove", remove);
    turn.fold = make("details", "nbp-thought", el);
    turn.fold.hidden = true;
    make("summary", "", turn.fold);
    turn.thought = make("div", "", turn.fold);
    turn.thought.dir = "auto";
    turn.body = make("div", "nbs-body jp-RenderedHTMLCommon", el);
    turn.body.dir = "auto";
    turn.blocks = createBlocks(turn.body);
    turn.error = make("div", "nbp-error", el);
    const line = make("div", "nbp-line", el);
    turn.steps = make("span", "nbp-steps", line);
    for (const [word, icon, step] of [["earlier", "left", -1], ["later", "right", 1]]) {
      button(turn.steps, word, icon, () => say(turn, "version", { step }));
    }
    turn.version = make("span", "");
    turn.steps.lastChild.before(turn.version);
    turn.foot = make("div", "nbp-foot", line);
    const tools = make("div", "nbp-tools", line);
    can(tools, "continue", "", () => say(turn, "continue"));
    button(tools, "copy", "copy", (it) => copy(turn, it));
    can(tools, "retry", "retry", () => say(turn, "retry"));
    can(tools, "retry_other", "caret", another).dataset.can = "retry";
    paint(turn, info);
    sizes.observe(el);
    return turn;
  }

  // Shows what is known of a turn, anew.
  function paint(turn, news) {
    const info = Object.assign(turn.info, news);
    const { el } = turn;
    el.dataset.status = info.status;
    if ("prompt" in news) {
      turn.prompt.textContent = info.prompt;
      const long = info.prompt.split("\n", 13).length > 12 || info.prompt.length > 1200;
      turn.ask.classList.toggle("nbp-folded", long);
      turn.whole.hidden = !long;
      turn.whole.ariaExpanded = false;
    }
    if (news.files) turn.files.replaceChildren(...info.files.map((file, index) => chip(turn, file, index)));
    turn.number.textContent = info.number || "";
    turn.number.classList.toggle("nbp-cell", !!info.cell);
    const [now, all] = info.versions;
    turn.steps.hidden = all < 2;
    turn.version.textContent = now + "/" + all;
    turn.steps.firstChild.disabled = now <= 1;
    turn.steps.lastChild.disabled = now >= all;
    for (const made of el.querySelectorAll("[data-can]")) made.hidden = !info.can.includes(made.dataset.can);
    const runs = info.status === "running";
    if (!runs) turn.foot.innerHTML = info.foot;
    turn.fold.firstChild.dataset.word = runs ? "thinking" : "thought";
    if ("error" in news) fail(turn);
    label(el);
    el.ariaLabel = panel.words.turn.replace("{n}", info.number);
    turn.number.title = info.cell ? panel.words.from_cell : el.ariaLabel;
  }

  function fail({ error, info }) {
    error.innerHTML = info.error?.html ?? "";
    error.querySelector("[role]")?.removeAttribute("role"); // said once, by us
    for (const fix of info.error?.fixes ?? []) {
      make("button", "nbp-fix", error, fix.label).onclick = (event) => panel.mend(fix, event.target);
    }
  }

  function chip(turn, file, index) {
    if (!file.picture) return make("span", "nbp-file", null, file.name);
    const made = make("button", "nbp-picture");
    const image = make("img", "", made);
    image.alt = made.title = file.name;
    made.onclick = () => made.classList.toggle("nbp-large");
    made.wish = { do: "picture", turn: turn.info.id, index };
    pictures.observe(made);
    return made;
  }

  async function load({ isIntersecting, target }) {
    if (!isIntersecting) return;
    pictures.unobserve(target);
    const { type, buffers } = await panel.ask(target.wish);
    const image = target.firstChild;
    image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob(buffers, { type }));
  }

  // In place: what is sent instead begins another version.
  function edit(id, text = turns.get(id)?.info.prompt) {
    const turn = turns.get(id);
    if (!turn || turn.form) return;
    const form = (turn.form = make("div", "nbp-edit"));
    const area = make("textarea", "", form);
    const done = (send) => {
      if (send && !area.value.trim()) return;
      form.replaceWith(turn.ask);
      turn.form = null;
      turn.el.focus({ preventScroll: true });
      if (send) say(turn, "edit", { text: area.value });
    };
    area.value = text;
    area.dir = "auto";
    area.ariaLabel = panel.words.edit;
    area.rows = Math.min(10, text.split("\n").length + 1);
    area.onkeydown = (event) => {
      event.stopPropagation();
      if (event.isComposing || event.keyCode === 229) return; // Enter ends a word of an input method
      if (event.key === "Escape") done();
      else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        done(true);
      }
    };
    const bar = make("div", "nbp-tools", form);
    button(bar, "edit_send", "", () => done(true));
    button(bar, "edit_cancel", "", () => done());
    label(form);
    turn.ask.replaceWith(form);
    area.focus();
  }

  const does = {
    turn(id, after, info) {
      does.gone(id);
      const turn = create(info);
      turns.set(id, turn);
      (turns.get(after)?.el ?? older).after(turn.el);
      if (turn.el.nextElementSibling) asked = false;
    },
    info(id, news) {
      const turn = turns.get(id);
      const ran = turn.info.status === "running";
      paint(turn, news);
      if (!ran || turn.info.status === "running") return;
      dressed(turn);
      speak(turn, true);
    },
    gone(id) {
      const turn = turns.get(id);
      if (!turn) return;
      if (turn.el.contains(document.activeElement)) log.focus({ preventScroll: true }); // not nowhere
      sizes.unobserve(turn.el);
      turn.el.remove();
      turns.delete(id);
    },
    ops(id, ops) {
      const turn = turns.get(id);
      turn.blocks.apply(ops);
      dressed(turn);
    },
    think(id, text) {
      const { fold, thought } = turns.get(id);
      fold.hidden = false;
      thought.append(text);
    },
    clear(id) {
      const turn = turns.get(id);
      turn.blocks.reset();
      turn.thought.textContent = "";
      turn.fold.hidden = true;
      turn.dressed = turn.at = turn.said = 0;
    },
  };

  // Finished blocks get what one may do with them; the last two may still change.
  function dressed(turn) {
    const { body, info } = turn;
    const runs = info.status === "running";
    const to = body.children.length - (runs ? 2 : 0);
    if (to > turn.dressed) dress(panel, body, turn.dressed, to);
    turn.dressed = Math.max(turn.dressed, to);
    // What was higher stays so while it runs.
    if (!runs) return;
    if (body.offsetHeight < turn.high) body.style.minHeight = turn.high + "px";
    else turn.high = body.offsetHeight;
  }

  // Says whole sentences aloud, no code, and not more often than one can listen.
  function speak(turn, over) {
    if (!over && Date.now() < turn.next) return;
    const blocks = turn.body.children;
    let words = "";
    for (; turn.at < blocks.length; turn.at++, turn.said = 0) {
      const block = blocks[turn.at];
      const text = block.matches("pre, table") ? "" : block.textContent;
      const last = !over && turn.at === blocks.length - 1;
      const end = last ? Math.max(turn.said, ...ENDS.map((end) => text.lastIndexOf(end) + 1)) : text.length;
      words += text.slice(turn.said, end) + " ";
      turn.said = end;
      if (last) break;
    }
    turn.next = Date.now() + PACE;
    if (over) words += turn.error.textContent || panel.words.complete;
    if (words.trim()) panel.speak(words.trim());
  }

  // The line of the turn that runs; seconds are counted here.
  function tick() {
    const { busy } = panel.state;
    clearInterval(ticking);
    if (!busy?.status) return;
    const { text, seconds, step } = busy.status;
    const from = Date.now();
    const show = () => {
      const s = Math.max(0, Math.round(seconds + (step * (Date.now() - from)) / 1000));
      const turn = turns.get(busy.turn);
      if (turn?.info.status === "running") turn.foot.textContent = text.replace("{s}", s);
    };
    show();
    if (step) ticking = setInterval(show, 250);
  }

  function more() {
    older.hidden = !panel.state.more;
    if (asked || older.hidden || !log.offsetHeight || log.scrollTop > 600) return;
    asked = true;
    panel.say({ do: "older" });
  }

  function follow() {
    scroll.end();
    log.focus({ preventScroll: true });
  }

  log.onscroll = () => {
    scroll.moved();
    more();
  };
  log.onkeydown = (event) => {
    const way = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
    const next = way && event.target.closest("article")?.[way];
    if (!next?.matches("article")) return;
    next.focus();
    event.preventDefault();
  };
  place.hidden = true;
  label(place);

  return {
    edit,
    receive(msg) {
      if (!msg.turns && !msg.full) return;
      const open = msg.full && [...turns.values()].find((turn) => turn.form);
      const typed = open && open.form.firstChild.value;
      scroll.before();
      if (msg.full) {
        [...turns.keys()].forEach(does.gone);
        asked = false;
      }
      for (const [name, ...rest] of msg.turns ?? []) does[name](...rest);
      place.hidden = !turns.size;
      if (open) edit(open.info.id, typed);
      for (const turn of turns.values()) {
        if (turn.info.status !== "running") continue;
        if (msg.full) turn.at = turn.body.children.length; // that was said before
        speak(turn);
      }
      scroll.keep();
      tick();
      more();
    },
    state(state, changed) {
      if (changed.includes("busy")) tick();
      more();
      label(place);
    },
    close() {
      clearInterval(ticking);
      sizes.disconnect();
      pictures.disconnect();
    },
  };
}

// Follows the end as long as the reader is there; else what he reads stays where it is, whatever grows above.
function createFollowing(log, jump) {
  let along = true;
  let held, top, node, was, page, focus;
  const y = (at) => at.getBoundingClientRect().top;
  const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;

  // What stands at the upper edge.
  function mark() {
    const { left, top: edge, width } = log.getBoundingClientRect();
    const hit = document.elementFromPoint(left + width / 2, edge + 4);
    node = log.contains(hit) ? hit.closest(".nbs-body > *, article") : null;
    was = node && y(node) - edge;
    top = log.scrollTop;
    jump.hidden = left() < 24;
  }
}
