// The head: conversation, model, settings, export. What its popups hold the kernel says as data, a sheet: items
// to choose, fields to fill. What is chosen there leads to the next sheet, or closes the popup.

function createHead(panel, place) {
	const names = ["talks", "model", "settings", "export"];
	const buttons = names.map((name, i) => {
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
		let search, said;

		async function go(wish, bytes) {
			if (said) said.textContent = "…";
			const { sheet, error, file, buffers, ...reply } = await panel.ask(wish, bytes);
			name = reply.name ?? name;
			if (file) {
				const href = URL.createObjectURL(new Blob(buffers, file));
				Object.assign(make("a"), file, { href }).click();
				setTimeout(() => URL.revokeObjectURL(href), 60_000);
			}
			if (sheet) return fill(sheet);
			if (!error || !said?.isConnected) return popup.close();
			said.textContent = error;
			box.querySelector("input").focus();
		}

		function fill({ title, text, link, items, find, fields = [], verb, wish, secret }) {
			search = null;
			box.replaceChildren(make("b", "", null, title));
			popup.ariaLabel = title;
			if (text) Object.assign(make("p", "", box, text), { dir: "auto", role: "status" });
			if (link) Object.assign(make("a", "", box, link.href), link);
			if (items) choice(items, find);
			const form = make("form");
			const inputs = fields.map(({ label, tag, options = [], ...facts }) => {
				const input = make(tag ?? "input", "", make("label", "", form, label));
				for (const [value, text] of options) make("option", "", input, text).value = value;
				return Object.assign(input, facts);
			});
			said = make("p", "", form);
			said.role = "alert";
			if (wish) panel.button("cancel", "", form, () => popup.close());
			make("button", "nbp-button", form, verb);
			if (verb) box.append(form);
			form.onsubmit = async (event) => {
				event.preventDefault();
				if (!wish) return popup.close();
				const values = Object.fromEntries(inputs.map((input) => [input.name, input.value]));
				if (!secret) return go({ ...wish, ...values });
				// In the bytes of one message, which no log shows.
				const bytes = Object.values(values).map((value) => new TextEncoder().encode(value));
				wipe();
				await go({ ...wish, fields: Object.keys(values) }, bytes);
				bytes.forEach((one) => one.fill(0));
			};
			(inputs[0] ?? search ?? box.querySelector("[aria-current], button")).focus();
		}

		// A list to choose from; with `find` one may search it, or type what is not in it.
		async function choice(items, find) {
			search = find && Object.assign(make("input", "", box), find, { value: early, oninput: show });
			const list = make("div", "nbp-list", box);
			function show() {
				const typed = search?.value.trim() ?? "";
				const parts = typed.toLowerCase().split(/\s+/);
				const fits = items.filter(({ text }) => parts.every((part) => text.includes(part))).slice(0, 200);
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
			else if (target === popup && key.length === 1) early += key;
			else if (key !== " " && key.length === 1 && target.matches("button")) search?.focus();
		};
		popup.onpointerdown = ({ target }) => target === popup && popup.close(); // beside it
		popup.ariaLabel = button.title;
		button.classList.add("nbp-opened");
		popup.showModal();
		go(wish);
		return new Promise((done) => {
			popup.onclose = () => {
				wipe();
				popup.remove();
				button.classList.remove("nbp-opened");
				button.focus();
				done(name);
			};
		});
	}

	return {
		chooseModel: (anchor, turn) => open(anchor, { do: "model_sheet", only: true, turn }),
		openKey: (wish) => open(buttons[1], { ...wish, do: "key_sheet" }),
		state({ talk, model }) {
			[talk?.name, model?.label].forEach((text = "", i) => {
				buttons[i].firstChild.textContent = text;
				buttons[i].title = buttons[i].ariaLabel = `${panel.words[names[i]]}: ${text}`;
			});
		},
		close() {
			wipe();
			removeEventListener("pagehide", wipe);
		},
	};
}
