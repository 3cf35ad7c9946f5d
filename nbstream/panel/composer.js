// The box one writes into, and what waits.

function createComposer(panel, place) {
	const { words, root, memory, does } = panel;
	const [opening, queue, chips, why, about, frame] = place.children;
	const [box, names, acts] = frame.children;
	const [attach, picker, go] = acts.children;
	const sent = new Set();
	let { files = [], editing } = memory; // editing: a turn, and what stood in the box
	let [blocked, drafting, composed, marked, asked, fragment, listed, offered, spared] = ["", 0, -99, 0, 0];
	box.value = memory.text ?? "";

	const running = () => panel.state.busy || panel.state.sending || sent.size;

	function show() {
		const name = (go.name = running() ? "stop" : "send");
		go.title = go.ariaLabel = words[`${name}_it`];
		go.ariaDisabled = name === "send" && !!(blocked || !(box.value.trim() || files.length));
		box.placeholder = words[`box_${name}`];
		box.rows = Math.min(10, box.value.split("\n").length);
		about.hidden = !(attach.hidden = !!editing);
		about.firstChild.textContent = words.editing.replace("{n}", editing?.number);
		chips.replaceChildren(...files.map(chip));
	}

	function chip({ name }, i) {
		const made = panel.clone("li");
		made.firstChild.textContent = name;
		made.lastChild.ariaLabel += ` ${name}`;
		made.lastChild.dataset.file = i;
		return made;
	}

	function say(text = blocked) {
		const notice = text ? "" : (panel.state.notice ?? "");
		if (why.said === (why.said = text || notice)) return;
		why.innerHTML = notice;
		if (text) make("p", "", why, text);
	}

	function edited() {
		spared = 0;
		say();
		show();
		offered = offer();
		clearTimeout(drafting);
		const text = [box.value, editing?.value].filter(Boolean).join("\n\n");
		drafting = setTimeout(() => panel.say({ do: "draft", text }), 500);
	}

	function fill(text, more = []) {
		const into = editing ?? { value: box.value, files };
		into.value = [text, into.value].filter(Boolean).join("\n\n");
		into.files = [...more, ...into.files];
		if (!editing) put(into);
		edited();
	}

	function put(message) {
		box.value = message.value;
		files = message.files;
	}

	function edit(article, value = article?.querySelector(".nbp-prompt").textContent) {
		if (!article) return fill(value);
		const { turn, number } = article.dataset;
		editing = { value: box.value, files, ...editing, turn, number };
		put({ value, files: [] });
		edited();
		box.focus();
	}

	function cancel() {
		put(editing);
		editing = null;
		edited();
	}

	async function send(text = box.value, taken = files) {
		if (blocked) return panel.speak(blocked);
		if (!text.trim() && !taken.length) return;
		if (editing) {
			const { turn, value } = editing;
			cancel();
			spared = Date.now() + 500; // of two Enters
			const { error } = await panel.ask({ do: "edit", turn, text });
			const free = !editing && box.value === value;
			return error && edit(free && root.querySelector(`article[data-turn="${turn}"]`), text);
		}
		const message = [text, taken];
		sent.add(message);
		if (taken === files) put({ value: "", files: [] });
		edited();
		const told = taken.map(({ name, type }) => ({ name, type }));
		await answered({ do: "send", of: panel.state.talk?.name, text, files: told }, taken.map(({ data }) => data));
		sent.delete(message);
		show();
	}

	const stop = () => running() && answered({ do: "stop", turn: panel.state.busy?.turn });

	go.onclick = ({ detail }) => detail < 2 && (stop() || send());

	// Where nothing answers, a cell keeps the kernel busy.
	async function answered(wish, bytes) {
		const { kernel } = panel.model.widget_manager ?? {};
		const timer = setTimeout(() => {
			if (!running() || blocked) return;
			say(words.unheard);
			if (kernel) make("button", "nbp-button", why, words.interrupt).onclick = () => (kernel.interrupt(), say());
		}, 1500);
		await panel.ask(wish, bytes);
		clearTimeout(timer);
	}

	Object.assign(does, {
		cancel,
		edit: (_, button) => edit(button.closest("article")),
		prompt: (_, button) => send(button.textContent, []),
		attach: () => picker.click(),
		unattach({ file }) {
			files.splice(file, 1);
			show();
		},
		async unqueue({ entry }) {
			const { text, files, buffers } = await panel.ask({ do: "unqueue", entry });
			if (files) fill(text, files.map((one, i) => ({ ...one, data: buffers[i] })));
		},
	});
	picker.onchange = () => take(picker.files);
	place.onclick = ({ target }) => target.closest("button") && box.focus();

	async function take(list) {
		for (const file of [...list]) {
			const size = files.reduce((sum, { data }) => sum + data.byteLength, file.size);
			// Servers take 10 MiB. A folder has no bytes.
			const data = size <= 8e6 && (await file.arrayBuffer().catch(() => 0));
			if (data) files = [...files, { name: file.name, type: file.type, data }];
			else say(words.too_large.replace("{name}", file.name));
		}
		picker.value = "";
		show();
		box.focus();
	}

	box.onpaste = root.ondragover = root.ondragleave = root.ondrop = (event) => {
		const { files, types } = event.clipboardData ?? event.dataTransfer;
		if (!types.includes("Files") || types.includes("text/plain")) return; // of a spreadsheet
		event.preventDefault();
		if (editing) return;
		frame.classList.toggle("nbp-over", event.type === "dragover");
		if (files.length) take(files);
	};

	const before = () => box.value.slice(0, box.selectionStart);

	async function offer() {
		const number = ++asked;
		const text = before();
		const found = /\{\{[^{}\n]*$/.test(text) ? await panel.ask({ do: "complete", text }) : {};
		if (number !== asked) return;
		[fragment, listed] = [found.fragment, text];
		names.innerHTML = found.items ?? "";
		mark(0);
	}

	function mark(i) {
		const options = [...names.children];
		marked = (i + options.length) % options.length;
		options.forEach((option, j) => (option.ariaSelected = j === marked));
		options[marked]?.scrollIntoView({ block: "nearest" });
		box.setAttribute("aria-activedescendant", options[marked]?.id ?? "");
	}

	function choose(option) {
		if (listed !== before()) return;
		const end = listed.length;
		box.setSelectionRange(end - fragment.length, end + 2 * box.value.startsWith("}}", end));
		document.execCommand("insertText", false, `${option.firstChild.data}}}`); // undoable
	}

	names.onpointerdown = (event) => {
		event.preventDefault();
		if (event.target !== names) choose(event.target.closest("li"));
	};

	const forget = () => (asked++, names.replaceChildren(), mark(0));
	const [chosen, down, up] = [0, 1, -1].map((step) => async () => {
		await offered; // the list may be older than the text
		if (step) mark(marked + step);
		else if (names.firstChild) choose(names.children[marked]);
	});
	const offering = { ArrowDown: down, ArrowUp: up, Enter: chosen, Tab: chosen, Escape: forget };
	const writing = {
		Enter: () => send(),
		Escape: () => (editing ? cancel() : stop()),
		ArrowUp: () => box.value || edit(root.querySelector(".nbp-log > :last-child")),
	};
	box.onkeydown = (event) => {
		// Safari says first that a composition has ended.
		const composing = event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50;
		const does = (names.firstChild ? offering : writing)[event.key];
		if (!does || composing || event.shiftKey || event.altKey) return;
		const again = event.key === "Enter" && (event.repeat || Date.now() < spared);
		if (again || does() !== box.value) event.preventDefault();
	};
	box.addEventListener("compositionend", (event) => (composed = event.timeStamp));
	box.oninput = edited;
	box.onblur = forget;
	show();

	return {
		focus: () => box.focus(),
		block(reason) {
			blocked = reason || "";
			if (reason) for (const message of sent) sent.delete(message) && fill(...message);
			say();
			show();
		},
		takeBack: () => fill([...queue.querySelectorAll("li > span")].map((one) => one.textContent).join("\n\n")),
		state(state, news) {
			if (state.draft && memory.text == null && !box.value) fill(state.draft);
			memory.text ??= "";
			if ("busy" in news || "notice" in news) say();
			if ("queue" in news) queue.innerHTML = state.queue;
			if ("opening" in news) opening.innerHTML = state.opening;
			if (news.back?.view === panel.view) does.unqueue(state.back);
			show();
		},
		close() {
			clearTimeout(drafting);
			Object.assign(memory, { text: box.value, files, editing });
		},
	};
}
