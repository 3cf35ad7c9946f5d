// The turns: what was asked, what came, and what one may do with it.

const TURN = `<div class="nbp-ask"><div class="nbp-prompt" dir="auto"></div><div class="nbp-files"></div>
<div class="nbp-tools"></div></div><details class="nbp-thought"><summary></summary><div dir="auto"></div></details>
<div class="nbs-body jp-RenderedHTMLCommon" dir="auto"></div><div class="nbp-error"></div><div class="nbp-line">
<div class="nbp-steps"></div><div class="nbp-foot"></div><div class="nbp-tools"></div></div>`;

function createTranscript(panel, place) {
  const { words } = panel;
  const turns = new Map(); // by id
  const log = make("div", "nbp-log", place);
  log.role = "log";
  log.ariaLive = "off"; // sentences go to panel.speak, not each word
  log.ariaLabel = words.log;
  log.tabIndex = 0;
  const older = make("p", "nbp-older", log, words.older);
  const scroll = createFollowing(panel, log, place);
  const sizes = new ResizeObserver(scroll.keep);
  let asked, ticking; // whether older turns were asked for; the clock of the status
  place.hidden = true;

  const runs = (turn) => turn.status === "running";

  function create(id) {
    const el = make("article");
    el.innerHTML = TURN;
    const [ask, text, chips, asking, fold, name, thought, body, card, , steps, foot, tools] = el.querySelectorAll("*");
    const say = (wish, more) => panel.say({ do: wish, turn: id, ...more });
    const copy = async () => panel.copy((await panel.ask({ do: "copy", turn: id })).text);
    const another = ({ currentTarget }) => panel.mend({ wish: { do: "choosemodel", turn: id } }, currentTarget);
    // The button asks once before the turn goes.
    const remove = ({ currentTarget: button }) => {
      const icon = button.firstElementChild;
      if (!icon) return say("remove");
      button.textContent = words.remove_sure;
      button.onblur = () => button.replaceChildren(icon);
      button.focus(); // Safari does not
    };
    for (const [parent, can, icon, does] of [
      [ask, "whole", "", ({ target }) => (target.hidden = !ask.classList.remove("nbp-folded"))],
      [asking, "edit", "edit", () => edit(id)],
      [asking, "remove", "remove", remove],
      [steps, "version_back", "left", () => say("version", { step: -1 })],
      [steps, "version_on", "right", () => say("version", { step: 1 })],
      [tools, "continue", "", () => say("continue")],
      [tools, "copy", "copy", copy],
      [tools, "retry", "retry", () => say("retry")],
      [tools, "retry_other", "down", another],
    ]) {
      panel.button(can, icon, parent, does).dataset.can = can;
    }
    const count = make("span");
    steps.lastChild.before(count);
    el.tabIndex = -1;
    el.dataset.turn = id;
    sizes.observe(el);
    const blocks = createBlocks(body);
    return { id, el, ask, text, chips, fold, name, thought, body, blocks, card, steps, count, foot, dressed: 0, high: 0, said: 0 };
  }

  // Shows what is known of a turn: `info` is some of it, or all.
  function paint(turn, info) {
    const ran = turn.info && runs(turn.info);
    const now = (turn.info = { ...turn.info, ...info });
    const { el, ask } = turn;
    const [k, n] = now.versions;
    const long = now.prompt.length > 900 || now.prompt.split("\n", 13)[12] != null;
    const can = [...now.can, "copy", long && "whole", k > 1 && "version_back", k < n && "version_on"];
    if (can.includes("retry")) can.push("retry_other");
    for (const made of el.querySelectorAll("[data-can]")) made.hidden = !can.includes(made.dataset.can);
    el.ariaBusy = runs(now);
    el.dataset.number = now.number;
    el.ariaLabel = words.turn.replace("{n}", now.number);
    ask.dataset.mark = now.cell ? `%%${words.magic}` : "";
    turn.steps.hidden = n < 2;
    turn.count.textContent = `${k}/${n}`;
    turn.name.textContent = words[runs(now) ? "thinking" : "thought"];
    turn.fold.hidden = !turn.thought.firstChild;
    if (info.prompt != null) {
      turn.text.textContent = now.prompt;
      ask.classList.toggle("nbp-folded", long);
    }
    if (info.files) turn.chips.replaceChildren(...info.files.map((file, index) => chip(turn.id, file, index)));
    if (info.error !== undefined) {
      turn.card.innerHTML = now.error?.html ?? "";
      turn.card.querySelector("[role]")?.removeAttribute("role"); // we say it, and once
      for (const fix of now.error?.fixes ?? []) {
        make("button", "nbp-button", turn.card, fix.label).onclick = (event) => panel.mend(fix, event.target);
      }
    }
    if (runs(now)) return;
    turn.foot.innerHTML = now.foot;
    if (!ran) return;
    grown(turn);
    speak(turn, true);
  }

  function chip(turn, file, index) {
    if (!file.picture) return make("span", "nbp-file", null, file.name);
    const made = make("button", "nbp-picture");
    const image = make("img", "", made);
    image.alt = file.name;
    image.onload = () => URL.revokeObjectURL(image.src);
    made.onclick = () => made.classList.toggle("nbp-large");
    panel.ask({ do: "picture", turn, index }).then(({ type, buffers }) => {
      image.src = URL.createObjectURL(new Blob(buffers, { type }));
    });
    return made;
  }

  // In place; what is sent begins another version.
  function edit(id, text) {
    const turn = turns.get(id);
    const area = make("textarea", "", null, text ?? turn.info.prompt);
    const form = make("div", "nbp-edit");
    const done = (send) => {
      form.replaceWith(turn.ask);
      turn.el.focus();
      if (send && area.value.trim()) panel.say({ do: "edit", turn: id, text: area.value });
    };
    area.dir = "auto";
    area.ariaLabel = words.edit;
    area.rows = Math.min(10, area.value.split("\n").length + 1);
    area.onkeydown = (event) => {
      event.stopPropagation();
      if (event.isComposing || event.keyCode === 229) return; // Enter ends a word of an input method
      const send = event.key === "Enter" && !event.shiftKey;
      if (send) event.preventDefault();
      if (send || event.key === "Escape") done(send);
    };
    form.append(area);
    panel.button("send", "", form, () => done(true));
    panel.button("cancel", "", form, () => done());
    turn.ask.replaceWith(form);
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
      const { thought, fold } = turns.get(id);
      thought.append(text);
      fold.hidden = false;
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
    const { body, dressed, high } = turn;
    turn.dressed = body.children.length - (runs(turn.info) ? 2 : 0);
    if (turn.dressed > dressed) dress(panel, body, dressed, turn.dressed);
    else turn.dressed = dressed;
    if (!runs(turn.info)) return;
    turn.high = Math.max(high, body.offsetHeight);
    if (turn.high > body.offsetHeight) body.style.minHeight = `${high}px`;
  }

  // Aloud: whole sentences, no code, not more often than one can listen.
  function speak(turn, over) {
    if (!over && Date.now() < turn.next) return;
    turn.next = Date.now() + 3000;
    const blocks = [...turn.body.children].filter((block) => !block.matches("pre, table"));
    const text = blocks.map((block) => block.textContent).join(" ");
    const ends = [". ", "! ", "? ", "。", "！", "？"].map((end) => text.lastIndexOf(end) + 1);
    let said = text.slice(turn.said, over ? text.length : Math.max(...ends)).trim();
    turn.said = Math.max(turn.said, ...ends);
    if (over) said += ` ${turn.card.textContent || words.complete}`;
    if (said) panel.speak(said);
  }

  // The line of the turn that runs; the seconds are counted here.
  function tick() {
    clearInterval(ticking);
    const { turn: id, status } = panel.state.busy ?? {};
    const turn = turns.get(id);
    if (!status || !turn || !runs(turn.info)) return;
    const from = Date.now();
    const show = () => {
      const s = Math.max(0, Math.round(status.seconds + (status.step * (Date.now() - from)) / 1000));
      turn.foot.textContent = status.text.replace("{s}", s);
    };
    show();
    ticking = setInterval(show, 250);
  }

  function more() {
    older.hidden = !panel.state.more;
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
    edit,
    receive({ turns: ops, full }) {
      if (!ops && !full) return;
      const form = full && log.querySelector(".nbp-edit");
      const [id, typed] = form ? [form.parentNode.dataset.turn, form.firstChild.value] : [];
      scroll.before();
      if (full) [...turns.keys()].forEach(does.gone);
      const first = older.nextSibling;
      for (const [name, ...rest] of ops ?? []) does[name](...rest);
      if (first !== older.nextSibling) asked = false;
      place.hidden = !turns.size;
      if (turns.has(id)) edit(id, typed);
      for (const turn of turns.values()) {
        if (full) turn.next = 0
        if (runs(turn.info)) speak(turn);
      }
      scroll.keep();
      tick();
      more();
    },
    state: () => (tick(), more()),
    close() {
      clearInterval(ticking);
      sizes.disconnect();
    },
  };
}

// Follows the end as long as the reader is there; else what he reads stays where it is, whatever grows above.
function createFollowing(panel, log, place) {
  let along = true;
  let top = 0; // where the log stood
  let part, was; // what stands at its upper edge, and where
  let focus, tall;
  const box = (at) => at.getBoundingClientRect();
  const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;
  const jump = panel.button("newest", "down", place, () => {
    along = true;
    keep();
  });
  jump.classList.add("nbp-newest");

  function mark() {
    const edge = box(log).top;
    const seen = (root, all) => !along && [...root.querySelectorAll(all)].find((at) => box(at).bottom > edge);
    const turn = seen(log, "article");
    part = turn && (seen(turn, ".nbs-body > *") || turn);
    was = part && box(part).top - edge;
    top = log.scrollTop;
    jump.hidden = left() < 24;
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
    else if (part && part.isConnected) log.scrollTop += box(part).top - box(log).top - was;
    mark();
    // Where the log itself grows, the box that one types in stays in sight.
    if (focus && log.offsetHeight !== tall) focus.scrollIntoView({ block: "nearest" });
    focus = null;
  }

  // Looks at the page before it changes.
  function before() {
    if (log.scrollTop !== top) moved();
    tall = log.offsetHeight;
    focus = log.getRootNode().activeElement;
    if (!panel.root.contains(focus) || log.contains(focus) || box(focus).bottom > innerHeight) focus = null;
  }

  return { moved, keep, before };
}
