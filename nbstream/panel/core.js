// One view of the panel, and its talk with the kernel.

const panels = {}; // initialize() and render() get different models
const viewsOf = (model) => (panels[model.get("panel")] ??= new Set());

function make(tag, name = "", parent, text = "") {
	const node = document.createElement(tag);
	node.className = name;
	node.textContent = text;
	parent?.append(node);
	return node;
}

function createPanel(model, el) {
	const view = Math.random().toString(36).slice(2);
	const waiting = new Map();
	const root = make("div", "nbp", el);
	const clone = (css) => root.querySelector("template").content.querySelector(css).cloneNode(true);
	const speak = (sentence) => (root.querySelector(".nbp-unseen").textContent = sentence);
	const panel = { model, root, view, say, ask, sync, receive, speak, clone, copy, close, memory: {} };
	const makers = { head: createHead, life: createLife, transcript: createTranscript, composer: createComposer };
	const parts = (panel.parts = {});
	const views = viewsOf(model);
	let [count, asked, later] = [0, 0];

	// All else is a wish.
	const does = (panel.does = {
		copyline: ({ line }, button) => copy(line, button),
		code: (_, button) => copy(button.closest("pre").lastChild.textContent.replace(/\n$/, ""), button),
		copy: async ({ turn }, button) => copy((await ask({ do: "copy", turn })).text, button),
		openkey: (wish) => parts.head.openKey(wish),
		async choosemodel(wish, button) {
			const model = await parts.head.chooseModel(button, wish.turn);
			if (model) say(wish.turn ? { ...wish, do: "retry", model } : { do: "model", name: model });
		},
	});

	function press({ target, detail }) {
		const button = target.closest("button[data-do]");
		if (!button || (detail > 1 && !button.dataset.step)) return; // once
		const { can, ...wish } = { turn: button.closest("article")?.dataset.turn, ...button.dataset };
		const { value: sure, firstChild: picture } = button;
		if (sure && picture.nodeType === 1) {
			button.textContent = sure;
			button.onblur = () => button.replaceChildren(picture);
			return button.focus(); // Safari does not
		}
		const deed = button.closest("dialog")?.go ?? does[wish.do] ?? (() => say(wish));
		deed(wish, button);
	}

	function build() {
		shut();
		const words = (panel.words = model.get("words"));
		const held = root.contains(document.activeElement);
		panel.seq = -1;
		panel.state = {};
		root.innerHTML = words.frame.replaceAll("{view}", view);
		root.ariaLabel = words.title;
		for (const name in makers) parts[name] = makers[name](panel, root.querySelector(`.nbp-${name}`));
		if (held && document.activeElement === document.body) parts.composer.focus();
		sync(true);
		// Before the subshell stands nothing is heard.
		insist(100, () => panel.seq < 0 && !panel.lost);
	}

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

	// By comm, which waits for cells, and the control channel, which takes no bytes.
	function say(wish, buffers) {
		const id = ++count;
		const told = { ...wish, view, id };
		if (views.gone) return id;
		if (/^(send|retry|edit)/.test(wish.do)) parts.transcript.follow();
		const { kernel } = model.widget_manager ?? {};
		const msg_type = model.get("control");
		const control = msg_type && !buffers?.length && kernel?.status !== "dead" && kernel?.sendControlMessage;
		if (control) {
			const { clientId: session, username } = kernel;
			const header = { msg_type, msg_id: view + id, date: new Date().toISOString(), session, username, version: "5.3" };
			const content = { turn: model.get("panel"), wish: told };
			kernel.sendControlMessage({ channel: "control", header, parent_header: {}, metadata: {}, content, buffers: [] });
		}
		try {
			if (!control || !panel.state.control) model.send(told, undefined, buffers);
		} catch {
			panel.lost = true;
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
			if (state) part.state?.(panel.state, state, full);
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

	async function copy(text, button) {
		const put = (event) => {
			event.clipboardData.setData("text/plain", text);
			event.preventDefault();
		};
		document.addEventListener("copy", put, true);
		// Without https the old way.
		await (navigator.clipboard?.writeText(text) ?? document.execCommand("copy"));
		document.removeEventListener("copy", put, true);
		speak((button.dataset.said = panel.words.copied));
		setTimeout(() => delete button.dataset.said, 1500);
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
		panel.seq = NaN;
	}

	root.role = "region";
	root.dataset.lmSuppressShortcuts = "true";
	root.onkeydown = (event) => {
		event.stopPropagation();
		if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
		event.preventDefault(); // not the page
		el.dispatchEvent(new KeyboardEvent("keydown", event));
	};
	root.onclick = press;
	model.on("change:words", build);
	build();
	return panel;
}
