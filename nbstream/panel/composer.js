// The composer: the box one writes into, the files that go along, what waits its turn, Send and Stop.

const MOST_BYTES = 8e6; // files of one message: a server ends a connection that brings 10 MiB at once

function createComposer(panel, place) {
  const { words, root, memory } = panel;
  const opening = make("div", "nbp-opening", place);
  const queue = make("ul", "nbp-queue", place);
  const chips = make("ul", "nbp-chips", place);
  const why = make("div", "nbp-why", place);
  const frame = make("div", "nbp-frame", place);
  const box = make("textarea", "", frame);
  const names = make("ul", "nbp-names", frame);
  const bar = make("div", "nbp-acts", frame);
  const picker = make("input", "", bar);
  panel.button("attach", "attach", bar, () => picker.click());
  const later = panel.button("queue_it", "", bar, () => send());
  const [sender, stopper] = ["send_it", "stop"].map((name) =>
    panel.button(name, name.slice(0, 4), bar, ({ detail }) => {
      if (detail < 2) name === "stop" ? stop() : send(); // of two clicks the second was meant for the first
      box.focus();
    }),
  );
  const sent = new Set(); // messages of which Python has not said that it has them
  let files = [];
  let blocked, stopping, drafting;
  let composed = -1e9; // when a composition ended
  let found = []; // the names offered; `from` is where they would stand
  let [marked, from, asked] = [0, 0, 0];

  names.id = `nbp-names-${panel.view}`;
  names.role = "listbox";
  names.ariaLabel = words.names;
  queue.ariaLabel = words.queue;
  picker.type = "file";
  picker.multiple = picker.hidden = true;
  box.rows = 1;
  box.dir = "auto";
  box.ariaLabel = words.message;
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", names.id);
  why.role = "status";

  const running = () => panel.state.busy || [...sent].some((one) => !one.behind);

  function show() {
    const busy = running();
    const empty = !box.value.trim() && !files.length;
    box.placeholder = words[busy ? "box_busy" : "box"];
    stopper.hidden = !busy;
    sender.hidden = !!busy;
    stopper.ariaDisabled = !!stopping;
    stopper.title = stopper.ariaLabel = words[stopping ? "stopping" : "stop"];
    sender.ariaDisabled = later.hidden = empty || !!blocked;
    later.hidden ||= !busy;
    opening.hidden = busy || !panel.state.opening;
    chips.hidden = !files.length;
    if (CSS.supports("field-sizing", "content")) return;
    box.style.height = "0";
    box.style.height = `${box.scrollHeight}px`;
  }

  // A sentence above the box, and a button where something can be done about it.
  function say(text = blocked, act, does) {
    why.textContent = text || "";
    why.hidden = !text;
    if (act) panel.button(act, "", why, does);
  }

  function edited() {
    say();
    show();
    offer();
    clearTimeout(drafting);
    drafting = setTimeout(() => panel.say({ do: "draft", text: box.value }), 500);
  }

  function fill(text, more = []) {
    box.value = [text, box.value].filter(Boolean).join("\n\n");
    files.unshift(...more);
    showFiles();
    edited();
  }

  function row(list, text, word, away) {
    const made = make("li", "", list);
    make("span", "", made, text).dir = "auto";
    panel.button(word, "close", made, () => (away(), box.focus())).ariaLabel += ` ${text}`;
    return made;
  }

  function send(text = box.value, taken = files) {
    if (blocked) return panel.speak(blocked);
    if (!text.trim() && !taken.length) return;
    const one = { behind: panel.state.busy };
    const over = (back) => {
      if (sent.delete(one) && back === true) fill(text, taken);
      show();
    };
    one.back = () => over(true);
    sent.add(one);
    const about = taken.map(({ name, type }) => ({ name, type }));
    panel.ask({ do: "send", text, files: about }, taken.map(({ data }) => data))
      // That the turn runs is told apart from this: till then there is Stop.
      .then(({ error }) => (error ? one.back() : setTimeout(over, 300)));
    setTimeout(() => sent.has(one) && unheard(), 4000);
    if (taken === files) {
      box.value = "";
      files = [];
      showFiles();
      edited();
      clearTimeout(drafting);
    }
    show();
  }

  function stop() {
    if (stopping || !running()) return;
    stopping = setTimeout(unheard, 1500);
    panel.ask({ do: "stop" }).then(() => {
      clearTimeout(stopping);
      setTimeout(stopped, 2000); // by then it has, or is to be asked again
    });
    show();
  }

  function stopped() {
    clearTimeout(stopping);
    stopping = 0;
    show();
  }

  function unheard() {
    const { kernel } = panel.model.widget_manager ?? {};
    if (!blocked && running()) {
      say(words.unheard, kernel?.interrupt && "interrupt", () => {
        kernel.interrupt();
        say();
        box.focus();
      });
    }
  }

  // --- files ---

  async function take(list) {
    for (const file of [...list]) {
      const size = files.reduce((sum, { data }) => sum + data.byteLength, file.size);
      const data = size <= MOST_BYTES && (await file.arrayBuffer().catch(() => null)); // a folder has none
      if (data) files.push({ name: file.name, type: file.type, data });
      else say(words.too_large.replace("{name}", file.name).replace("{most}", MOST_BYTES / 1e6));
    }
    showFiles();
    show();
  }

  function showFiles() {
    chips.replaceChildren();
    for (const one of files) {
      row(chips, one.name, "unattach", () => {
        files.splice(files.indexOf(one), 1);
        showFiles();
        show();
      });
    }
  }

  picker.onchange = () => {
    take(picker.files);
    picker.value = "";
    box.focus();
  };
  box.onpaste = (event) => {
    const { files, types } = event.clipboardData;
    if (!files.length || types.includes("text/plain")) return; // spreadsheets put a picture beside the text
    event.preventDefault();
    take(files);
  };
  root.ondragover = root.ondragleave = root.ondrop = (event) => {
    const { files, types } = event.dataTransfer;
    if (!types.includes("Files")) return;
    event.preventDefault();
    frame.classList.toggle("nbp-over", event.type === "dragover");
    take(files); // which are there when they are dropped
  };

  // --- what waits, and what the empty panel offers ---

  function showQueue(entries = []) {
    queue.hidden = !entries.length;
    queue.replaceChildren();
    for (const { id, text, files, held } of entries) {
      const made = row(queue, [text, ...files].filter(Boolean).join(" · "), "unqueue", async () => {
        const { text, files, buffers } = await panel.ask({ do: "unqueue", entry: id });
        if (files) fill(text, files.map((one, i) => ({ ...one, data: buffers[i] })));
      });
      made.prepend(make("b", "", null, words[held ? "held" : "waits"]));
      made.lastChild.before(panel.button("send_now", "", null, () => panel.say({ do: "sendnow", entry: id })));
    }
  }

  function showOpening({ prompts, line }) {
    opening.replaceChildren();
    for (const text of prompts) {
      make("button", "nbp-button", opening, text).onclick = () => (send(text, []), box.focus());
    }
    make("p", "", opening, line);
  }

  // --- names behind {{ ---

  async function offer() {
    const number = ++asked;
    const before = box.value.slice(0, box.selectionStart);
    const open = /\{\{[^{}\n]*$/.test(before);
    const { items, fragment } = open ? await panel.ask({ do: "complete", text: before.slice(-500) }) : {};
    if (number !== asked) return;
    found = items ?? [];
    from = before.length - fragment?.length;
    names.hidden = !found.length;
    names.replaceChildren();
    found.forEach(({ text, detail }, i) => {
      const option = make("li", "", names, text);
      make("span", "", option, detail);
      option.role = "option";
      option.id = names.id + i;
      option.onpointerdown = (event) => (event.preventDefault(), choose(i));
    });
    mark(0);
  }

  function mark(i) {
    marked = (i + found.length) % found.length;
    [...names.children].forEach((option, j) => (option.ariaSelected = j === marked));
    names.children[marked]?.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", names.children[marked]?.id ?? "");
  }

  function choose(i) {
    const end = box.selectionStart;
    box.setSelectionRange(from, end + 2 * box.value.startsWith("}}", end));
    document.execCommand("insertText", false, `${found[i].text}}}`); // which can be undone
  }

  function forget() {
    asked++;
    found = [];
    names.hidden = true;
  }

  // --- keys ---

  async function last() {
    const { turn, text } = await panel.ask({ do: "last" });
    if (turn) panel.parts.transcript.edit(turn, text);
  }

  const offering = {
    ArrowDown: () => mark(marked + 1),
    ArrowUp: () => mark(marked - 1),
    Enter: () => choose(marked),
    Tab: () => choose(marked),
    Escape: forget,
  };
  const writing = { Enter: () => send(), Escape: stop, ArrowUp: last };
  box.onkeydown = (event) => {
    const { key } = event;
    // An Enter that ends a composition; Safari says first that it has ended, then which key did it.
    const composing = event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50;
    if (composing || event.shiftKey || event.altKey || (key === "ArrowUp" && box.value && !found[0])) return;
    const does = (found[0] ? offering : writing)[key];
    if (!does) return;
    event.preventDefault();
    does();
  };
  box.addEventListener("compositionend", (event) => (composed = event.timeStamp));
  box.oninput = edited;
  box.onblur = forget;

  box.value = memory.text ?? "";
  files = memory.files ?? [];
  showFiles();
  showQueue();
  forget();
  say();
  show();

  return {
    focus: () => box.focus(),
    // Nothing can be sent, for this reason; null: it can again.
    block(reason) {
      blocked = reason;
      if (reason) sent.forEach((one) => one.back());
      say();
      show();
    },
    state(state, changed) {
      if (state.draft && memory.text == null && !box.value) fill(state.draft);
      memory.text ??= "";
      if (changed.includes("busy")) {
        if (!state.busy) stopped();
        say();
      }
      if (changed.includes("queue")) showQueue(state.queue);
      if (state.opening) showOpening(state.opening);
      show();
    },
    close() {
      clearTimeout(drafting);
      clearTimeout(stopping);
      Object.assign(memory, { text: box.value, files });
    },
  };
}
