// The head: which conversation it is, which model answers, settings, export. What its popups hold the kernel
// says as data, a sheet: items to choose, fields to fill. What is chosen there leads to the next one, or closes.

function createHead(panel, place) {
  const { words, memory } = panel;
  const buttons = ["talks", "model", "settings", "export"].map((name, i) => {
    const button = panel.button(name, i < 2 ? "down" : name, place, () => open(button, { do: `${name}_sheet` }));
    if (i < 2) {
      button.className = `nbp-pick nbp-${name}`;
      button.prepend(make("span"));
    }
    button.ariaHasPopup = "dialog";
    return button;
  });

  // What is typed into a popup stays nowhere in the page: it may be a key.
  const wipe = () => place.querySelectorAll("input").forEach((input) => (input.value = ""));
  addEventListener("pagehide", wipe);

  // Opens a popup of `button`; what was chosen there, or null.
  function open(button, wish) {
    const popup = make("dialog", "nbp-pop", place);
    const box = make("div", "", popup, "…");
    let name = null;
    let early = ""; // what is typed before there is a place for it
    let search;

    async function go(wish, bytes) {
      const said = box.querySelector("[role=alert]");
      if (said) said.textContent = "…";
      const { sheet, error, file, buffers, ...reply } = await panel.ask(wish, bytes);
      name = reply.name ?? name;
      if (file) download(file, buffers);
      if (sheet) fill(sheet);
      else if (error && said) {
        said.textContent = error;
        box.querySelector("input").focus();
      } else popup.close();
    }

    function fill({ title, text, link, items, find, fields = [], verb, wish, secret }) {
      box.replaceChildren(make("b", "", null, title));
      popup.ariaLabel = title;
      if (text) make("p", "", box, text).dir = "auto";
      if (link) Object.assign(make("a", "", box, link), { href: link, target: "_blank", rel: "noreferrer" });
      search = null;
      if (items) choice(items, find);
      const form = make("form");
      const inputs = fields.map(({ label, tag, options = [], value = "", ...facts }) => {
        const input = make(tag ?? "input", "", make("label", "", form, label));
        for (const [value, text] of options) make("option", "", input, text).value = value;
        return Object.assign(input, facts, { value, dir: "auto", autocomplete: "off" });
      });
      make("p", "", form).role = "alert";
      if (wish) panel.button("cancel", "", form, () => popup.close());
      make("button", "nbp-button", form, verb);
      if (verb) box.append(form);
      form.onsubmit = async (event) => {
        event.preventDefault();
        const values = Object.fromEntries(inputs.map((input) => [input.name, input.value]));
        if (!wish) popup.close();
        else if (!secret) go({ ...wish, ...values });
        else {
          // In the bytes of one message, which no log shows.
          const bytes = Object.values(values).map((value) => new TextEncoder().encode(value));
          wipe();
          await go({ ...wish, fields: Object.keys(values) }, bytes);
          bytes.forEach((one) => one.fill(0));
        }
      };
      (inputs[0] ?? search ?? box.querySelector("[aria-current], button"))?.focus();
      panel.speak([title, text].join(" "));
    }

    // A list to choose from; with `find` one may search it, or type what is not in it.
    async function choice(items, find) {
      search = find && Object.assign(make("input", "", box), find, { type: "search", value: early, oninput: show });
      const list = make("div", "nbp-list", box);
      function show() {
        const typed = search?.value.trim() ?? "";
        const parts = typed.toLowerCase().split(/\s+/);
        const fits = items.filter((one) => parts.every((part) => one.text.includes(part)));
        if (typed && (!fits[0] || typed.includes(":"))) fits.push({ label: typed, wish: { ...find.wish, name: typed } });
        list.replaceChildren();
        for (const { label, detail, current, kind, wish } of fits) {
          const item = make("button", kind, list);
          make("span", "", item, label).dir = "auto";
          make("small", "", item, detail);
          if (current) item.ariaCurrent = "true";
          item.onclick = () => go(wish);
        }
      }
      show();
      if (!find) return;
      items = (await panel.ask(find.more)).items ?? items;
      if (!list.contains(list.getRootNode().activeElement)) show();
    }

    popup.onkeydown = (event) => {
      const { key, target } = event;
      const step = { ArrowDown: 1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 }[key];
      if (event.isComposing) return;
      if (key === "Escape") popup.close();
      else if (step && (key === "Tab" || target.matches("button, [type=search]"))) {
        const all = [...box.querySelectorAll("a, button, input, select, textarea")];
        all.at((all.indexOf(target) + step) % all.length)?.focus();
        event.preventDefault();
      } else if (key === "Enter" && target === search) box.querySelector("button")?.click();
      else if (key.length === 1) search ? search.focus() : (early += key);
    };
    popup.onpointerdown = ({ target }) => target === popup && popup.close(); // beside it
    button.ariaExpanded = "true";
    popup.showModal();
    go(wish);
    return new Promise((done) => {
      popup.onclose = () => {
        wipe();
        popup.remove();
        button.ariaExpanded = "false";
        button.focus();
        done(name);
      };
    });
  }

  function download({ name, type }, buffers) {
    const href = URL.createObjectURL(new Blob(buffers, { type }));
    Object.assign(make("a"), { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  buttons[memory.head]?.focus(); // whose popup was open when the language changed
  return {
    chooseModel: (anchor) => open(anchor, { do: "model_sheet", only: true }),
    openKey: (provider) => open(buttons[1], { do: "key_sheet", provider }),
    state({ talk, model }) {
      [talk?.name, model?.label].forEach((text, i) => {
        buttons[i].firstChild.textContent = text ?? "";
        buttons[i].title = buttons[i].ariaLabel = `${words[i ? "model" : "talks"]}: ${text}`;
      });
    },
    close() {
      memory.head = buttons.findIndex((button) => button.ariaExpanded === "true");
      wipe();
      removeEventListener("pagehide", wipe);
    },
  };
}
