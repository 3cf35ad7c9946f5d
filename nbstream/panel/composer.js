// The composer: the box one writes into, the files that go along, what waits its turn, Send and Stop.

const MOST_BYTES = 8e6; // files of one message: servers end a connection that brings 10 MiB at once

function createComposer(panel, place) {
	const { words, root, memory } = panel;
	const id = `nbp-${panel.view}`;
	place.innerHTML = `<div class="nbp-opening"></div><ul class="nbp-queue"></ul><ul class="nbp-chips"></ul>
		<div class="nbp-why" role="status"></div>
		<div class="nbp-frame"><textarea dir="auto" maxlength="700000" aria-autocomplete="list" aria-controls="${id}"></textarea>
		<ul class="nbp-names" role="listbox" id="${id}"></ul><div class="nbp-acts"></div></div>`;
	const [opening, queue, chips, why, frame] = place.children;
	const [box, names, acts] = frame.children;
	const sent = new Set(); // of which Python has not said that it has them
	let files = memory.files ?? [];
	let [blocked, drafting, composed, marked, asked] = ["", 0, -99, 0, 0];
	box.value = memory.text ?? "";
	box.ariaLabel = words.message;
	names.ariaLabel = words.names;

	panel.button("attach", "attach", acts, () => {
		const picker = Object.assign(make("input"), { type: "file", multiple: true });
		picker.onchange = () => take(picker.files);
		picker.click();
	});
	const go = panel.button("send_it", "send", acts, ({ detail }) => {
		if (!running()) send();
		else if (detail < 2) stop(); // the second click of two was meant for Send
	});
	place.onclick = ({ target }) => target.closest("button") && box.focus();

	const running = () => panel.state.busy || panel.state.sending || sent.size;

	function show() {
		const name = running() ? "stop" : "send";
		if (go.name !== name) go.replaceChildren(panel.icon((go.name = name)));
		go.title = go.ariaLabel = words[`${name}_it`];
		go.ariaDisabled = name === "send" && !!(blocked || !(box.value.trim() || files.length));
		box.placeholder = words[`box_${name}`];
		box.rows = Math.min(10, box.value.split("\n").length); // where CSS cannot say it
		chips.replaceChildren();
		for (const one of files) {
			row(chips, one.name, "unattach", () => {
				files = files.filter((other) => other !== one);
				show();
			});
		}
	}

	function row(list, text, word, away) {
		const made = make("li", "", list);
		make("span", "", made, text);
		panel.button(word, "close", made, away).ariaLabel += ` ${text}`;
		return made;
	}

	// Above the box: why nothing can be sent, else what the view has to say, else the kernel.
	function say(notice = blocked ? { text: blocked } : panel.state.notice) {
		if (why.said === (why.said = notice)) return;
		why.replaceChildren();
		for (const name of ["text", "why", "fix"]) if (notice?.[name]) make("p", "", why, notice[name]);
		for (const fix of notice?.fixes ?? []) {
			make("button", "nbp-button", why, fix.label).onclick = fix.does ?? ((event) => panel.mend(fix, event.target));
		}
		if (notice?.kind) panel.button("dismiss", "close", why, () => panel.say({ do: "dismiss" }));
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
		files = [...more, ...files];
		edited();
	}

	async function send(text = box.value, taken = files) {
		if (blocked) return panel.speak(blocked);
		if (!text.trim() && !taken.length) return;
		const message = [text, taken];
		sent.add(message);
		if (taken === files) [box.value, files] = ["", []];
		edited();
		const about = taken.map(({ name, type }) => ({ name, type }));
		await heard({ do: "send", text, files: about }, taken.map(({ data }) => data));
		sent.delete(message);
		show();
	}

	const stop = () => running() && heard({ do: "stop" });

	// Where Python does not answer, a cell keeps the kernel busy and there is no way around it.
	async function heard(wish, bytes) {
		const { kernel } = panel.model.widget_manager ?? {};
		const does = () => (kernel.interrupt(), say());
		const notice = { text: words.unheard, fixes: kernel ? [{ label: words.interrupt, does }] : [] };
		const timer = setTimeout(() => running() && !blocked && say(notice), 1500);
		await panel.ask(wish, bytes);
		clearTimeout(timer);
	}

	async function takeBack(entry) {
		const { text, files, buffers } = await panel.ask({ do: "unqueue", entry });
		if (files) fill(text, files.map((one, i) => ({ ...one, data: buffers[i] })));
	}

	async function take(list) {
		for (const file of [...list]) {
			const size = files.reduce((sum, { data }) => sum + data.byteLength, file.size);
			const data = size <= MOST_BYTES && (await file.arrayBuffer().catch(() => 0)); // a folder has none
			if (data) files = [...files, { name: file.name, type: file.type, data }];
			else say({ text: words.too_large.replace("{name}", file.name) });
		}
		show();
		box.focus();
	}

	box.onpaste = root.ondragover = root.ondragleave = root.ondrop = (event) => {
		const { files, types } = event.clipboardData ?? event.dataTransfer;
		if (!types.includes("Files") || types.includes("text/plain")) return; // spreadsheets bring a picture, too
		event.preventDefault();
		frame.classList.toggle("nbp-over", event.type === "dragover");
		if (files.length) take(files);
	};

	function showQueue(entries) {
		queue.replaceChildren();
		for (const { id, text, files, held } of entries) {
			const made = row(queue, [text, ...files].join(" · "), "unqueue", () => takeBack(id));
			make("b", "", made, words[held ? "held" : "waits"]);
			panel.button("send_now", "", made, () => panel.say({ do: "sendnow", entry: id }));
		}
	}

	function showOpening({ prompts = [], line }) {
		opening.replaceChildren();
		for (const text of prompts) make("button", "nbp-button", opening, text).onclick = () => send(text, []);
		if (line) make("p", "", opening, line);
	}

	// Names of variables, behind two braces.
	async function offer() {
		const number = ++asked;
		const before = box.value.slice(0, box.selectionStart);
		const open = /\{\{[^{}\n]*$/.test(before);
		const { items = [], fragment } = open ? await panel.ask({ do: "complete", text: before }) : {};
		if (number !== asked) return;
		names.replaceChildren();
		items.forEach(({ text, detail }, i) => {
			const option = make("li", "", names, text);
			make("span", "", option, detail);
			option.choose = () => {
				const end = box.selectionStart;
				box.setSelectionRange(before.length - fragment.length, end + 2 * box.value.startsWith("}}", end));
				document.execCommand("insertText", false, `${text}}}`); // which can be undone
			};
			const onpointerdown = (event) => (event.preventDefault(), option.choose());
			Object.assign(option, { role: "option", id: id + i, onpointerdown });
		});
		mark(0);
	}

	function mark(i) {
		const options = [...names.children];
		marked = (i + options.length) % options.length;
		options.forEach((option, j) => (option.ariaSelected = j === marked));
		options[marked]?.scrollIntoView({ block: "nearest" });
		box.setAttribute("aria-activedescendant", options[marked]?.id ?? "");
	}

	const forget = () => (asked++, names.replaceChildren(), mark(0));

	async function last() {
		const { turn, text } = await panel.ask({ do: "last" });
		if (turn) panel.parts.transcript.edit(turn, text);
	}

	const choose = () => names.children[marked].choose();
	const [next, before] = [1, -1].map((step) => () => mark(marked + step));
	const offering = { ArrowDown: next, ArrowUp: before, Enter: choose, Tab: choose, Escape: forget };
	const writing = { Enter: () => send(), Escape: stop, ArrowUp: () => box.value || last() };
	box.onkeydown = (event) => {
		// An Enter that ends a composition; Safari says first that it has ended, then which key did it.
		const composing = event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50;
		const does = (names.firstChild ? offering : writing)[event.key];
		if (!does || composing || event.shiftKey || event.altKey) return;
		if (does() !== box.value) event.preventDefault();
	};
	box.addEventListener("compositionend", (event) => (composed = event.timeStamp));
	box.oninput = edited;
	box.onblur = forget;
	show();

	return {
		focus: () => box.focus(),
		// Nothing can be sent, for this reason; null: it can again.
		block(reason) {
			blocked = reason || "";
			if (reason) for (const message of sent) sent.delete(message) && fill(...message);
			say();
			show();
		},
		state(state, changed) {
			if (state.draft && memory.text == null && !box.value) fill(state.draft);
			memory.text ??= "";
			const has = (name) => changed.includes(name);
			if (has("busy") || has("notice")) say();
			if (has("queue")) showQueue(state.queue);
			if (has("back") && state.back?.view === panel.view) takeBack(state.back.entry);
			if (has("opening")) showOpening(state.opening ?? {});
			show();
		},
		close() {
			clearTimeout(drafting);
			Object.assign(memory, { text: box.value, files });
		},
	};
}
