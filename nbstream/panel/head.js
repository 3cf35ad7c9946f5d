// The head's buttons, and popups that the kernel fills.

function createHead(panel, place) {
	const buttons = [...place.children];
	for (const button of buttons) button.onclick = () => open(button, { do: button.name });

	// Keys stay nowhere in the page.
	const wipe = () => place.querySelectorAll("input").forEach((input) => (input.value = ""));
	addEventListener("pagehide", wipe);

	function open(button, wish) {
		const popup = make("dialog", "nbp-pop", place);
		const box = make("div", "", popup, "…");
		const find = (css) => box.querySelector(css);
		let [name, early] = [null, ""]; // early: typed already

		async function go(wish, bytes) {
			if (wish.do === "close") return popup.close();
			const said = find("[role=alert]");
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
			find("input").focus();
		}

		function fill(sheet) {
			box.innerHTML = sheet;
			popup.ariaLabel = find("b").textContent;
			if (find("[type=search]")) search(find("[type=search]"), find(".nbp-list"));
			find("[autofocus]").focus();
		}

		function submit(event) {
			event.preventDefault();
			const { secret, ...wish } = event.target.dataset;
			const values = Object.fromEntries(new FormData(event.target));
			if (!wish.do) return popup.close();
			if (secret == null) return go({ ...wish, ...values });
			// In the bytes of one message, which no log shows.
			const bytes = Object.values(values).map((value) => new TextEncoder().encode(value));
			wipe();
			go({ ...wish, fields: Object.keys(values) }, bytes).then(() => bytes.forEach((one) => one.fill(0)));
		}

		// The last item is what is typed.
		async function search(input, list) {
			const typed = list.lastChild;
			let items;
			function show() {
				const text = input.value.trim();
				const parts = text.toLowerCase().split(/\s+/);
				if (items) list.innerHTML = items;
				items = null;
				list.append(typed);
				let some;
				for (const item of list.children) {
					item.hidden = !parts.every((part) => item.dataset.find?.includes(part));
					some ||= !item.hidden;
				}
				typed.hidden = !text || (some && !text.includes(":"));
				typed.dataset.name = typed.firstChild.textContent = text;
			}
			input.value = early;
			input.oninput = show;
			show();
			({ items } = await panel.ask({ ...input.dataset }));
			if (!list.contains(list.getRootNode().activeElement)) show();
		}

		popup.onkeydown = (event) => {
			const { key, target } = event;
			const step = { ArrowDown: 1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 }[key];
			if (event.isComposing) return;
			if (key === "Escape") popup.close(); // at once, not the search first
			else if (step && (key === "Tab" || target.matches("button, [type=search]"))) {
				const all = [...box.querySelectorAll(":is(a, button, input, select, textarea):not([hidden])")];
				all.at((all.indexOf(target) + step) % all.length)?.focus();
				event.preventDefault();
			} else if (key === "Enter" && target.type === "search") find("button:not([hidden])")?.click();
			else if (target === popup && key.length === 1) early += key;
			else if (key !== " " && key.length === 1 && target.matches("button")) find("[type=search]")?.focus();
		};
		popup.onpointerdown = ({ target }) => target === popup && popup.close();
		popup.onsubmit = submit;
		popup.go = (wish) => go(wish);
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
				const button = buttons[i];
				button.firstChild.textContent = text;
				button.title = button.ariaLabel = `${button.value}: ${text}`;
			});
		},
		close() {
			wipe();
			removeEventListener("pagehide", wipe);
		},
	};
}
