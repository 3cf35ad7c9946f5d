// One view of the panel: its parts, its words, and its talk with the kernel.

const panels = {}; // initialize() and render() get different model objects: what they share is here
const viewsOf = (model) => (panels[model.get("panel")] ??= new Set());

function make(tag, name = "", parent, text = "") {
	const node = document.createElement(tag);
	if (name) node.className = name;
	if (text) node.textContent = text;
	parent?.append(node);
	return node;
}

const ICONS = {
	send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
	stop: "M4.5 4.5h7v7h-7z",
	copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
	retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
	edit: "M3 13l.6-2.6L10.8 3.2l2 2L5.6 12.4z",
	remove: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
	close: "M4 4l8 8M12 4l-8 8",
	left: "M10 3.5 5.5 8l4.5 4.5",
	right: "M6 3.5 10.5 8 6 12.5",
	down: "M3.5 6 8 10.5 12.5 6",
	attach: "M11.5 6.5 7 11a2 2 0 0 1-3-3l5-5a1.3 1.3 0 0 1 2 2L6.5 9.5",
	settings: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.5v3M6 9.5v3",
	export: "M8 2.5v7M5 7l3 3 3-3M3 13h10",
};

function createPanel(model, el) {
	const view = Math.random().toString(36).slice(2);
	const waiting = new Map(); // who asked, by the number of the wish
	const root = make("div", "nbp", el);
	const panel = { model, root, view, say, ask, sync, receive, speak, icon, button, mend, copy, close };
	const makers = { head: createHead, life: createLife, transcript: createTranscript, composer: createComposer };
	const parts = (panel.parts = {});
	panel.memory = {}; // what the parts keep while all is built anew
	const views = viewsOf(model);
	let [count, asked, later, live] = [0, 0];

	function build() {
		shut();
		const words = (panel.words = model.get("words"));
		const held = root.contains(document.activeElement);
		panel.seq = -1;
		panel.state = {};
		root.replaceChildren();
		root.ariaLabel = words.title;
		for (const name in makers) parts[name] = makers[name](panel, make("div", `nbp-${name}`, root));
		if (held && document.activeElement === document.body) parts.composer.focus(); // another language
		live = make("div", "nbp-unseen", root);
		live.role = "status";
		sync(true);
		// What a page sends before its subshell stands waits until the cell ends: ask until something comes.
		insist(100, () => panel.seq < 0 && !panel.lost);
	}

	// Ask again, ever more seldom, as long as there is reason to.
	function insist(wait, needed) {
		setTimeout(() => {
			if (!needed()) return;
			sync(true);
			insist(2 * wait, needed);
		}, wait);
	}

	function sync(again) {
		if (!again && Date.now() - asked < 500) return;
		asked = Date.now();
		say({ do: "sync", seq: panel.seq, asked: [...waiting.keys()] });
	}

	// A comm may wait for the running cell, the control channel waits for nothing. Python takes the first of
	// two that are alike. What carries bytes goes by the comm alone.
	function say(wish, buffers) {
		const id = ++count;
		const told = { ...wish, view, id };
		if (views.gone) return id;
		if (/^(send|retry|edit)/.test(wish.do)) parts.transcript.follow(); // one wants to see what one has asked
		const { kernel } = model.widget_manager ?? {};
		const msg_type = model.get("control");
		// A kernel that is dead takes nothing; `life.js` says so.
		const control = msg_type && !buffers?.length && kernel?.status !== "dead" && kernel?.sendControlMessage;
		if (control) {
			const names = { session: kernel.clientId, username: kernel.username, version: "5.3" };
			const header = { msg_type, msg_id: view + id, date: new Date().toISOString(), ...names };
			const content = { turn: model.get("panel"), wish: told };
			kernel.sendControlMessage({ channel: "control", header, parent_header: {}, metadata: {}, content, buffers: [] });
		}
		try {
			if (!control || !panel.state.control) model.send(told, undefined, buffers);
		} catch {
			panel.lost = true; // its connection was closed: life.js says so
		}
		return id;
	}

	function ask(wish, buffers) {
		const id = say({ ...wish, ask: true }, buffers);
		insist(4000, () => waiting.has(id)); // the reply may be lost
		return new Promise((resolve) => waiting.set(id, resolve));
	}

	function receive(msg, buffers) {
		const { seq, full, reply, state } = msg;
		const next = seq === panel.seq + 1;
		if (!next && (panel.seq >= seq || !full)) return void (panel.seq < seq && sync());
		panel.seq = seq;
		if (next && full) return; // it is for another view
		if (full) panel.state = {};
		Object.assign(panel.state, state);
		for (const part of Object.values(parts)) {
			if (state) part.state?.(panel.state, Object.keys(state), full);
			part.receive?.(msg);
		}
		if (reply?.to === view) {
			waiting.get(reply.id)?.({ ...reply, buffers });
			waiting.delete(reply.id);
		}
		later ??= setTimeout(() => {
			later = null;
			say({ do: "ack", seq: panel.seq });
		}, 250);
	}

	function speak(sentence) {
		live.textContent = sentence;
	}

	function icon(name) {
		const holder = make("template");
		holder.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
		return holder.content.firstChild;
	}

	// A button with a picture, or with words.
	function button(name, picture, parent, does) {
		const made = make("button", picture ? "nbp-icon" : "nbp-button", parent);
		const said = panel.words[name];
		if (picture) made.title = made.ariaLabel = said;
		made.append(picture ? icon(picture) : said);
		made.type = "button";
		made.onclick = does;
		return made;
	}

	// What mends an error: something to copy, to do here, or to wish for.
	async function mend({ copy: line, wish }, anchor) {
		const { head, transcript } = parts;
		if (line) return copy(line);
		if (wish.do === "openedit") return transcript.edit(wish.turn);
		if (wish.do === "openkey") return head.openKey(wish);
		const model = wish.do === "choosemodel" && (await head.chooseModel(anchor, wish.turn));
		const chosen = wish.turn ? { do: "retry", turn: wish.turn, model } : { do: "model", name: model };
		if (model !== null) say(model ? chosen : wish);
	}

	async function copy(text) {
		const put = (event) => {
			event.clipboardData.setData("text/plain", text);
			event.preventDefault();
		};
		document.addEventListener("copy", put, true);
		// Where the page is not served safely there is only the old way.
		await (navigator.clipboard?.writeText(text) ?? document.execCommand("copy"));
		document.removeEventListener("copy", put, true);
		speak(panel.words.copied);
	}

	function shut() {
		waiting.clear();
		clearTimeout(later);
		later = null;
		for (const name in parts) parts[name].close?.();
	}

	function close() {
		model.off("change:words", build);
		shut();
		panel.seq = NaN; // nothing is awaited
	}

	root.role = "region";
	root.dataset.lmSuppressShortcuts = "true";
	root.onkeydown = (event) => {
		event.stopPropagation();
		if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
		event.preventDefault(); // the notebook is saved, not the page
		el.dispatchEvent(new KeyboardEvent("keydown", event));
	};
	model.on("change:words", build);
	build();
	return panel;
}
