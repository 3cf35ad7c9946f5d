// The turns: what was asked, what came, and what one may do with it.

const TURN = `<div class=nbp-ask><div class=nbp-prompt dir=auto></div><div class=nbp-files></div>
<div class=nbp-tools></div></div><details class=nbp-thought hidden><summary></summary><div dir=auto></div></details>
<div class="nbs-body jp-RenderedHTMLCommon" dir=auto></div><div class=nbp-error></div><div class=nbp-line>
<div class=nbp-steps><span></span></div><div class=nbp-foot></div><div class=nbp-tools></div></div>`;
const box = (node) => node.getBoundingClientRect();

function createTranscript(panel, place) {
  const { words } = panel;
  const turns = new Map(); // by id
  const log = make("div", "nbp-log", place);
  log.role = "log";
  log.ariaLive = "off"; // sentences go to panel.speak, not each word
  log.ariaLabel = words.log;
  log.tabIndex = 0;
  const older = make("p", "nbp-older", log, words.older);
  const scroll = createFollowing(panel, place, log);
  const sizes = new ResizeObserver(scroll.keep);
  let asked; // for older turns
  let busy, since, ticking;

  function create(id) {
    const el = make("article");
    el.innerHTML = TURN;
    const [ask, text, chips, asking, fold, name, thought, body, card, , steps, count, line, tools] =
      el.querySelectorAll("*");
    const say = (wish, more) => panel.say({ do: wish, turn: id, ...more });
    // The button asks once before the turn goes.
    const remove = ({ currentTarget: button }) => {
      const icon = button.firstElementChild;
      if (!icon) return say("remove");
      button.textContent = words.remove_sure;
      button.onblur = () => button.replaceChildren(icon);
      button.focus(); // Safari does not
    };
    for (const [parent, can, icon, does = () => say(can)] of [
      [asking, "edit", "edit", () => edit(turn)],
      [asking, "remove", "remove", remove],
      [steps, "version_back", "left", () => say("version", { step: -1 })],
      [steps, "version_on", "right", () => say("version", { step: 1 })],
      [tools, "continue"],
      [tools, "copy", "copy", async () => panel.copy((await panel.ask({ do: "copy", turn: id })).text)],
      [tools, "retry", "retry"],
      [tools, "retry_other", "down", (event) => panel.mend({ wish: { do: "choosemodel", turn: id } }, event.target)],
    ]) {
      panel.button(can, icon, parent, does).dataset.can = can;
    }
    el.tabIndex = -1;
    el.dataset.turn = id;
    sizes.observe(el);
    const blocks = createBlocks(body);
    const turn = { id, el, ask, text, chips, fold, name, thought, body, blocks, card, steps, count, line };
    return Object.assign(turn, { dressed: 0, high: 0, said: 0 });
  }

  // Shows what is known of a turn: `info` is some of it, or all.
  function paint(turn, info) {
    const ran = turn.runs;
    const { el, ask, card, versions: [k, n] } = Object.assign(turn, info);
    const can = [...turn.can, "copy", k > 1 && "version_back", k < n && "version_on"];
    if (turn.can.includes("retry")) can.push("retry_other");
    for (const made of el.querySelectorAll("[data-can]")) made.hidden = !can.includes(made.dataset.can);
    turn.runs = el.ariaBusy = turn.status === "running";
    el.ariaLabel = words.turn.replace("{n}", turn.number);
    ask.dataset.mark = turn.cell ? `%%${words.magic}` : "";
    turn.steps.hidden = n < 2;
    turn.count.textContent = `${k}/${n}`;
    turn.name.textContent = words[turn.runs ? "thinking" : "thought"];
    if (info.prompt) {
      turn.text.textContent = info.prompt;
      if (info.prompt[900] || info.prompt.split("\n")[12]) {
        ask.classList.add("nbp-folded");
        const whole = panel.button("whole", "", ask, () => ask.classList.remove("nbp-folded", whole.remove()));
      }
    }
    if (info.files) turn.chips.replaceChildren(...info.files.map((file, index) => chip(turn, file, index)));
    if (info.error !== undefined) {
      card.innerHTML = info.error?.html ?? "";
      card.querySelector("[role]")?.removeAttribute("role"); // we say it, and once
      for (const fix of info.error?.fixes ?? []) {
        make("button", "nbp-button", card, fix.label).onclick = (event) => panel.mend(fix, event.target);
      }
    }
    if (turn.runs) return;
    turn.line.innerHTML = turn.foot;
    if (!ran) return;
    grown(turn);
    speak(turn);
  }

  function chip({ id }, { name, picture }, index) {
    if (!picture) return make("span", "nbp-file", null, name);
    const made = make("button", "nbp-picture");
    const image = make("img", "", made);
    image.alt = name;
    image.onload = () => URL.revokeObjectURL(image.src);
    made.onclick = () => made.classList.toggle("nbp-large");
    panel.ask({ do: "picture", turn: id, index }).then(({ type, buffers }) => {
      image.src = URL.createObjectURL(new Blob(buffers, { type }));
    });
    return made;
  }

  // In place; what is sent begins another version.
  function edit({ id, el, ask, prompt }, text = prompt) {
    const form = make("div", "nbp-edit");
    const area = make("textarea", "", form);
    const done = (send) => {
      form.replaceWith(ask);
      el.focus();
      if (send && area.value.trim()) panel.say({ do: "edit", turn: id, text: area.value });
    };
    area.value = text;
    area.dir = "auto";
    area.ariaLabel = words.edit;
    area.onkeydown = (event) => {
      event.stopPropagation();
      if (event.isComposing || event.keyCode === 229) return; // it ends a word of an input method
      const send = event.key === "Enter" && !event.shiftKey;
      if (send) event.preventDefault();
      if (send || event.key === "Escape") done(send);
    };
    panel.button("send", "", form, () => done(true));
    panel.button("cancel", "", form, () => done());
    ask.replaceWith(form);
    area.focus();
  }

  const does = {
    turn(id, after, info) {
      does.gone(id);
      const turn = create(id);
      turns.set(id, turn);
      (turns.get(after)?.el ?? older).after(turn.el);
      paint(turn, info);
    },
    info: (id, info) => paint(turns.get(id), info),
    gone(id) {
      turns.get(id)?.el.remove();
      turns.delete(id);
    },
    ops(id, ops) {
      turns.get(id).blocks.apply(ops);
      grown(turns.get(id));
    },
    think(id, text) {
      turns.get(id).thought.append(text);
      turns.get(id).fold.hidden = false;
    },
    clear(id) {
      const turn = turns.get(id);
      turn.blocks.reset();
      turn.thought.textContent = "";
      turn.fold.hidden = true;
      turn.dressed = turn.said = 0;
    },
  };

  // Finished blocks are dressed; the last two may change. And what was higher does not become lower.
  function grown(turn) {
    const { body, dressed } = turn;
    turn.dressed = Math.max(dressed, body.children.length - (turn.runs ? 2 : 0));
    if (turn.dressed > dressed) dress(panel, body, dressed, turn.dressed);
    if (!turn.runs) return;
    turn.high = Math.max(turn.high, body.offsetHeight);
    if (turn.high > body.offsetHeight) body.style.minHeight = `${turn.high}px`;
  }

  // Aloud: whole sentences, no code, not more often than one can listen.
  function speak(turn) {
    if (turn.runs && Date.now() < turn.next) return;
    turn.next = Date.now() + 3000;
    const text = [...turn.body.children].map((at) => (at.matches("pre, table") ? "" : at.textContent)).join(" ");
    const ends = [". ", "! ", "? ", "。", "！", "？"].map((end) => text.lastIndexOf(end) + 1);
    const end = turn.runs ? Math.max(turn.said, ...ends) : text.length;
    const news = turn.runs ? "" : turn.card.textContent || words.complete;
    const said = `${text.slice(turn.said, end)} ${news}`.trim();
    turn.said = end;
    if (said) panel.speak(said);
  }

  // The line of the turn that runs; the seconds are counted here.
  function tick() {
    clearTimeout(ticking);
    if (busy !== panel.state.busy) [busy, since] = [panel.state.busy, Date.now()];
    const turn = turns.get(busy?.turn);
    if (!turn?.runs || !busy.status) return;
    const { text, seconds, step } = busy.status;
    turn.line.textContent = text.replace("{s}", Math.max(0, Math.round(seconds + (step * (Date.now() - since)) / 1000)));
    ticking = setTimeout(tick, 250);
  }

  function more() {
    if (asked || older.hidden || !log.offsetHeight || log.scrollTop > 600) return;
    asked = true;
    panel.say({ do: "older" });
  }

  log.onscroll = () => {
    scroll.moved();
    more();
  };
  log.onkeydown = ({ key, target }) => {
    const way = { ArrowUp: "previousSibling", ArrowDown: "nextSibling" }[key];
    if (way) target.closest("article")?.[way]?.focus();
  };

  return {
    edit: (id) => edit(turns.get(id)),
    receive({ turns: news, full }) {
      scroll.before();
      const at = log.getRootNode().activeElement;
      const inside = log.contains(at);
      const [typed] = [...turns.values()].filter(({ ask }) => full && !ask.isConnected);
      const text = typed?.el.querySelector("textarea").value;
      const first = older.nextSibling;
      if (full) [...turns.keys()].forEach(does.gone);
      for (const [name, ...rest] of news ?? []) does[name](...rest);
      if (first !== older.nextSibling) asked = false;
      older.hidden = !panel.state.more;
      place.hidden = !turns.size;
      if (turns.has(typed?.id)) edit(turns.get(typed.id), text);
      for (const turn of turns.values()) {
        if (full) turn.said = Infinity; // that was heard before
        if (turn.runs) speak(turn);
      }
      if (inside && !at.isConnected) log.focus(); // or the keyboard would be nowhere
      scroll.keep();
      tick();
      more();
    },
    close() {
      clearTimeout(ticking);
      sizes.disconnect();
    },
  };
}

// Follows the end as long as the reader is there; else what he reads stays where it is, whatever grows above.
function createFollowing(panel, place, log) {
  let along = true;
  let top = 0; // where the log stood
  let part, was; // what stands at its upper edge, and where
  let typing; // whether the box below, in which one types, is in sight
  const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;
  const newest = panel.button("newest", "down", place, () => {
    along = true;
    keep();
  });
  newest.classList.add("nbp-newest");

  function mark() {
    const edge = box(log).top;
    const seen = (root, all) => [...root.querySelectorAll(all)].find((at) => box(at).bottom > edge);
    const turn = along ? null : seen(log, "article");
    part = turn && (seen(turn, ".nbs-body > *") ?? turn);
    was = part && box(part).top - edge;
    top = log.scrollTop;
    newest.hidden = left() < 24;
  }

  // Who moved up stays there; who comes back to the end goes along again.
  function moved() {
    const by = log.scrollTop - top;
    along = left() < (by > 0 ? 24 : 2) || (along && by >= 0);
    mark();
  }

  function keep() {
    if (!log.offsetHeight) return;
    if (log.matches(":active")); // one selects
    else if (along) log.scrollTop = log.scrollHeight;
    else if (part?.isConnected) log.scrollTop += box(part).top - box(log).top - was;
    mark();
    if (typing) place.nextSibling.scrollIntoView({ block: "nearest" });
    typing = false;
  }

  // Looks at the page before it changes.
  function before() {
    if (log.scrollTop !== top) moved();
    typing = panel.root.matches(":focus-within") && box(place.nextSibling).bottom <= innerHeight;
  }

  return { moved, keep, before };
}
