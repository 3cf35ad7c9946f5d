// The composer: the box one writes into, the files that go along, what waits its turn, Send and Stop.

const MOST_BYTES = 8e6; // of the files of one message: servers end a connection that brings 10 MiB at once

function createComposer(panel, place) {
  const opening = make("div", "nbp-opening", place);
  const queue = make("ul", "nbp-queue", place);
  const chips = make("ul", "nbp-chips", place);
  const why = make("p", "nbp-why", place);
  const frame = make("div", "nbp-frame", place);
  const box = make("textarea", "nbp-box", frame);
  const names = make("ul", "nbp-names", frame);
  const bar = make("div", "nbp-tools", frame);
  const button = (className, parent, icon, click, text) => {
    const made = make("button", className, parent, text);
    if (icon) made.append(panel.icon(icon));
    made.type = "button";
    made.onclick = click;
    return made;
  };
  const picker = make("input", "", bar);
  const attach = button("nbp-attach", bar, "attach", () => picker.click());
  const hint = make("span", "nbp-hint", bar);
  const later = button("nbp-later", bar, "", () => send());
  const go = button("nbp-go", bar, "send", (event) => {
    if (event.detail > 1) return; // the second click of two, which were meant for Send
    if (running()) stop();
    else send();
    box.focus();
  });
  const sent = new Set(); // what Python has not answered for
  let files = [];
  let blocked = "";
  let stopping = 0;
  let composed = -1e9;
  let touched = false;
  let drafting = 0;
  let found = []; // the names offered, which replace what stands between `from` and the cursor
  let [at, from, asked] = [0, 0, 0];

  names.id = `nbp-names-${panel.view}`;
  names.role = "listbox";
  picker.type = "file";
  picker.multiple = picker.hidden = true;
  box.rows = 1;
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", names.id);
  why.role = "status";

  const running = () => panel.state.busy || [...sent].some((one) => !one.waits);

  function label() {
    const { words } = panel;
    box.placeholder = words.box;
    box.ariaLabel = words.box_name;
    names.ariaLabel = words.names;
    queue.ariaLabel = words.queue;
    chips.ariaLabel = words.files;
    picker.ariaLabel = attach.title = attach.ariaLabel = words.attach;
    later.textContent = words.later;
    later.title = words.later_title;
    show();
  }

  function show() {
    const { words, state } = panel;
    const busy = running();
    const full = box.value.trim() || files.length;
    const name = !busy ? "send" : stopping ? "stopping" : "stop";
    go.className = `nbp-go nbp-${name}`;
    go.title = go.ariaLabel = words[name];
    if (go.icon !== name) go.replaceChildren(panel.icon((go.icon = name) === "send" ? name : "stop"));
    go.ariaDisabled = busy ? !!stopping : !full || !!blocked;
    later.hidden = !busy || !full || !!blocked;
    hint.textContent = !busy ? words.keys : full ? "" : words.keys_busy;
    opening.hidden = !state.opening || busy;
    if (!CSS.supports("field-sizing", "content")) {
      box.style.height = "auto";
      box.style.height = `${box.scrollHeight}px`;
    }
  }

  // A sentence above the box, with a button where there is something to do about it.
  function say(text, action, act) {
    why.textContent = text || blocked;
    why.hidden = !why.textContent;
    if (action) button("nbp-act", why, "", act, action);
  }

  function edited() {
    touched = true;
    say();
    show();
    offer();
    clearTimeout(drafting);
    drafting = setTimeout(() => panel.say({ do: "draft", text: box.value }), 500);
  }

  function fill(text, more = []) {
    box.value = [text, box.value].filter(Boolean).join("\n\n");
    files = [...more, ...files];
    showFiles();
    edited();
  }

  // --- sending and stopping ---

  function send(text = box.value, taken = files) {
    if (blocked) return panel.speak(blocked);
    if (!text.trim() && !taken.length) return;
    if (taken === files) {
      box.value = "";
      files = [];
      showFiles();
      edited();
      clearTimeout(drafting);
    }
    const one = { text, files: taken, waits: !!panel.state.busy };
    const about = taken.map(({ name, type }) => ({ name, type }));
    const data = taken.map((file) => file.data);
    const over = (back) => {
      if (!sent.delete(one)) return;
      if (back) fill(text, taken);
      show();
    };
    one.back = () => over(true);
    sent.add(one);
    panel.ask({ do: "send", text, files: about }, data).then(
      // That the turn runs is told apart from this: till then there is Stop.
      (reply) => (reply.error ? over(true) : setTimeout(over, 300)),
      one.back,
    );
    setTimeout(() => sent.has(one) && unheard(), 4000);
    say();
    show();
  }

  function stop() {
    if (stopping) return;
    stopping = setTimeout(() => running() && unheard(), 1500);
    const heard = () => {
      clearTimeout(stopping);
      setTimeout(() => ((stopping = 0), show()), 1500); // by then it has, or is to be asked again
    };
    panel.ask({ do: "stop" }).then(heard, heard);
    show();
    panel.speak(panel.words.stopping);
  }

  function unheard() {
    const kernel = panel.model.widget_manager?.kernel;
    if (blocked) return;
    say(panel.words.unheard, kernel?.interrupt && panel.words.interrupt, () => {
      kernel.interrupt();
      say();
      box.focus();
    });
  }

  // --- files ---

  async function take(list) {
    for (const file of list) {
      const size = files.reduce((sum, one) => sum + one.data.byteLength, file.size);
      if (size > MOST_BYTES) {
        const facts = { name: file.name, size: (size / 1e6).toFixed(1), most: MOST_BYTES / 1e6 };
        say(panel.words.too_large.replace(/{(\w+)}/g, (_, key) => facts[key]));
        continue;
      }
      const data = await file.arrayBuffer().catch(() => null); // a folder has none
      if (data) files = [...files, { name: file.name, type: file.type, data }];
    }
    showFiles();
    show();
  }

  function showFiles() {
    chips.hidden = !files.length;
    chips.replaceChildren();
    for (const one of files) {
      const chip = make("li", "nbp-chip", chips);
      make("span", "", chip, one.name).title = one.name;
      const away = button("nbp-x", chip, "close", () => {
        files = files.filter((other) => other !== one);
        showFiles();
        show();
        box.focus();
      });
      away.title = away.ariaLabel = `${panel.words.unattach} ${one.name}`;
    }
  }

  picker.onchange = () => take([...picker.files]).then(() => ((picker.value = ""), box.focus()));
  box.onpaste = (event) => {
    const { files: pasted, types } = event.clipboardData;
    if (!pasted.length || types.includes("text/plain")) return; // spreadsheets put a picture beside the text
    event.preventDefault();
    take([...pasted]);
  };
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    frame.classList.toggle("nbp-over", event.type === "dragover");
    if (event.type === "drop") take([...event.dataTransfer.files]);
  };
  for (const type of ["dragover", "dragleave", "drop"]) panel.root.addEventListener(type, over);

  // --- what waits, and what the empty panel offers ---

  function showQueue() {
    const { words } = panel;
    const entries = panel.state.queue || [];
    queue.hidden = !entries.length;
    queue.replaceChildren();
    for (const { id, text, files: with_, held } of entries) {
      const row = make("li", "nbp-waits", queue);
      make("b", "", row, held ? words.held : words.waits);
      make("span", "", row, [text, ...with_].filter(Boolean).join(" · ")).dir = "auto";
      button("nbp-act", row, "", () => panel.ask({ do: "sendnow", entry: id }), words.send_now);
      const away = button("nbp-x", row, "close", async () => {
        const reply = await panel.ask({ do: "unqueue", entry: id });
        const back = (reply.files || []).map((one, i) => ({ ...one, data: reply.buffers[i] }));
        if (reply.text != null) fill(reply.text, back);
        box.focus();
      });
      away.title = away.ariaLabel = words.unqueue;
    }
  }

  function showOpening() {
    opening.replaceChildren();
    if (!panel.state.opening) return;
    for (const text of panel.state.opening.prompts)
      button("nbp-prompt", opening, "", () => (send(text, []), box.focus()), text);
    make("p", "nbp-line", opening, panel.state.opening.line);
  }

  // --- names behind {{ ---

  async function offer() {
    const turn = ++asked;
    const before = box.value.slice(0, box.selectionStart);
    if (!/\{\{[^{}\n]*$/.test(before)) return offered([]);
    const { items, fragment } = await panel.ask({ do: "complete", text: before.slice(-500) });
    if (turn !== asked || !items) return;
    from = before.length - fragment.length;
    offered(items);
  }

  function offered(items) {
    found = items;
    names.hidden = !items.length;
    names.replaceChildren();
    items.forEach(({ text, detail }, i) => {
      const option = make("li", "", names, text);
      make("span", "", option, detail);
      option.role = "option";
      option.id = `${names.id}-${i}`;
      option.onpointerdown = (event) => (event.preventDefault(), choose(i));
    });
    mark(0);
  }

  function mark(i) {
    at = (i + found.length) % found.length || 0;
    [...names.children].forEach((option, j) => (option.ariaSelected = j === at));
    const option = names.children[at];
    option?.scrollIntoView({ block: "nearest" });
    if (option) box.setAttribute("aria-activedescendant", option.id);
    else box.removeAttribute("aria-activedescendant");
  }

  function choose(i) {
    const end = box.selectionStart;
    const closed = box.value.startsWith("}}", end);
    box.setSelectionRange(from, end + 2 * closed);
    document.execCommand("insertText", false, `${found[i].text}}}`); // which can be undone
  }

  // --- keys ---

  box.oninput = edited;
  box.onblur = () => offered([]);
  box.addEventListener("compositionend", (event) => (composed = event.timeStamp));
  box.onkeydown = (event) => {
    const { key } = event;
    const plain = !event.shiftKey && !event.altKey;
    // An Enter that ends a composition; Safari says first that it has ended, then which key did it.
    if (event.isComposing || event.keyCode === 229) return;
    if (key === "Enter" && event.timeStamp - composed < 100) return event.preventDefault();
    const does = found.length
      ? {
          ArrowDown: () => mark(at + 1),
          ArrowUp: () => mark(at - 1),
          Enter: () => choose(at),
          Tab: () => choose(at),
          Escape: () => offered([]),
        }
      : {
          Enter: () => send(),
          Escape: () => running() && stop(),
          ArrowUp: !box.value && (() => last()),
        };
    if (!plain || !Object.hasOwn(does, key) || !does[key]) return;
    event.preventDefault();
    does[key]();
  };
  place.addEventListener("keydown", (event) => event.stopPropagation()); // they are not Jupyter's

  async function last() {
    const { turn, text } = await panel.ask({ do: "last" });
    const { transcript } = panel.parts;
    if (turn && transcript?.edit) transcript.edit(turn);
    else if (text && !box.value) fill(text);
  }

  label();
  showFiles();
  showQueue();
  offered([]);
  say();

  return {
    label,
    focus: () => box.focus(),
    // Nothing can be sent, for this reason; null: it can again.
    block(reason) {
      blocked = reason || "";
      if (blocked) for (const one of [...sent]) one.back();
      say();
      show();
    },
    state(state, changed) {
      if (state.draft && !touched && !box.value) fill(state.draft);
      if (changed.includes("busy")) {
        if (!state.busy) stopping = clearTimeout(stopping) || 0;
        say();
      }
      if (changed.includes("queue")) showQueue();
      if (changed.includes("opening")) showOpening();
      show();
    },
    close() {
      clearTimeout(drafting);
      clearTimeout(stopping);
      for (const type of ["dragover", "dragleave", "drop"]) panel.root.removeEventListener(type, over);
    },
  };
}
