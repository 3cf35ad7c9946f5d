// What was asked, what came, and where one reads.

function createTranscript(panel, place) {
	const { words, does, memory } = panel;
	const turns = new Map();
	const [log, newest] = place.children;
	const sizes = new ResizeObserver(() => keep());
	let asked; // what is above this turn
	let busy, since, ticking, heard;
	let arrow; // pressed last

	does.version = (wish, button) => {
		const { number } = button.closest("article").dataset;
		arrow = { button, css: `[data-number="${number}"] [data-step="${wish.step}"]` };
		panel.say(wish);
	};
	does.whole = (_, button) => button.remove();

	function create(id) {
		const el = panel.clone("article");
		const [, thought, body, card, line] = el.children;
		el.dataset.turn = id;
		sizes.observe(el);
		return { el, thought, body, card, line: line.children[1], blocks: createBlocks(body), dressed: 0, next: 0, aloud: "" };
	}

	function load(turn, image) {
		image.onload = () => URL.revokeObjectURL(image.src);
		panel.ask({ do: "picture", turn, index: +image.dataset.index }).then(({ type, buffers }) => {
			image.src = URL.createObjectURL(new Blob(buffers, { type }));
		});
	}

	// `set`: properties that have changed; see placing.py.
	function paint(turn, { set, ...info }) {
		const { el, body, card, line, runs: ran } = turn;
		const { status, foot, code, number, label } = Object.assign(turn, info);
		for (const css in set) for (const node of el.querySelectorAll(css)) Object.assign(node, set[css]);
		turn.runs = el.ariaBusy = status === "running";
		el.ariaLabel = label;
		Object.assign(el.dataset, { code, number });
		if (info.code) dress(panel, body, 0, 0);
		if (!turn.runs) line.innerHTML = foot;
		grown(turn, ran && !turn.runs && (card.textContent || words.complete));
	}

	// Finished blocks are dressed and said aloud; the last two may change.
	function grown(turn, end) {
		const { body, dressed, runs, thought } = turn;
		thought.firstChild.textContent = words[runs && !body.firstChild ? "thinking" : "thought"];
		const to = body.children.length - 2 * runs;
		if (to > dressed) dress(panel, body, dressed, (turn.dressed = to));
		body.style.minHeight = runs ? `${body.offsetHeight}px` : "";
		if (heard || (!runs && !end)) return;
		for (const block of [...body.children].slice(dressed, turn.dressed)) {
			if (!block.matches("pre, table")) turn.aloud += `${block.textContent} `;
		}
		if (!end && (!turn.aloud || Date.now() < turn.next)) return;
		turn.next = Date.now() + 3000;
		panel.speak(turn.aloud + (end || ""));
		turn.aloud = "";
	}

	function begin(id, after, info) {
		const turn = create(id);
		const before = turns.get(after);
		turns.get(id)?.el.remove();
		turns.set(id, turn);
		if (before) before.el.after(turn.el);
		else log.prepend(turn.el);
		paint(turn, info);
		for (const image of turn.el.querySelectorAll("img")) load(id, image);
	}

	const operations = {
		info: paint,
		gone({ el }) {
			el.remove();
			turns.delete(el.dataset.turn);
		},
		ops(turn, ops) {
			turn.blocks.apply(ops);
			grown(turn);
		},
		think: ({ thought }, text) => thought.lastChild.append(text),
		clear(turn) {
			turn.blocks.reset();
			turn.thought.lastChild.textContent = turn.aloud = "";
			turn.dressed = 0;
		},
	};

	function tick() {
		clearTimeout(ticking);
		if (busy !== panel.state.busy) [busy, since] = [panel.state.busy, Date.now()];
		const turn = turns.get(busy?.turn);
		if (!turn?.runs || !busy.status) return;
		const { text, seconds, step } = busy.status;
		const now = seconds + (step * (Date.now() - since)) / 1000;
		turn.line.textContent = text.replace("{s}", Math.max(0, Math.round(now)));
		ticking = setTimeout(tick, 250);
	}

	const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;
	const y = (node) => node.getBoundingClientRect().top - log.getBoundingClientRect().top;
	let along = true; // with the end
	let top = 0; // where the log stood
	let part, was; // what another reads
	let tall; // as the log was, while one types

	log.onscroll = () => {
		const by = log.scrollTop - top;
		const last = (root, all) => [...root.querySelectorAll(all)].findLast((at) => y(at) < 99);
		along = left() < (by > 0 ? 24 : 2) || (along && by >= 0);
		part = along ? null : last(log, "article");
		if (part) part = last(part, ".nbs-body > *") ?? part;
		was = part && y(part);
		stand();
	};

	const follow = (newest.onclick = () => keep((along = true)));

	const hold = (node, at) => ([along, part, was] = [false, node, at]);
	const spot = () => !along && part?.isConnected && [part.closest("article").dataset.turn, y(part.closest("article"))];

	function keep() {
		if (!log.offsetHeight) return;
		if (log.matches(":active")); // selecting
		else if (along) log.scrollTop = log.scrollHeight;
		else if (part?.isConnected) log.scrollTop += y(part) - was;
		if (log.offsetHeight > tall) place.nextSibling.scrollIntoView({ block: "nearest" });
		tall = Infinity;
		stand();
	}

	function stand() {
		top = log.scrollTop;
		newest.hidden = left() < 24;
		if (!panel.state.more || asked === log.firstChild || top > 600) return;
		asked = log.firstChild;
		panel.say({ do: "older" });
	}

	log.onkeydown = ({ key, target }) => {
		const way = { ArrowUp: "previousSibling", ArrowDown: "nextSibling" }[key];
		if (way && target.matches("article")) target[way]?.focus();
	};

	return {
		follow,
		receive({ turns: news, full }) {
			const at = log.getRootNode().activeElement;
			const inside = log.contains(at);
			const box = place.nextSibling.getBoundingClientRect();
			const typing = panel.root.matches(":focus-within") && box.top > 0 && box.bottom <= innerHeight;
			if (log.scrollTop !== top) log.onscroll();
			tall = typing ? log.offsetHeight : Infinity;
			heard = full;
			log.style.minHeight = panel.state.busy ? `min(${log.offsetHeight}px, 70vh)` : "";
			const pressed = arrow?.button.isConnected && y(arrow.button);
			const here = full && (memory.spot || spot());
			if (full) turns.forEach(operations.gone);
			for (const [name, id, ...rest] of news ?? []) {
				if (name === "turn") begin(id, ...rest);
				else if (turns.has(id)) operations[name](turns.get(id), ...rest);
			}
			// The keyboard does not go with a button.
			const again = arrow && !arrow.button.isConnected && log.querySelector(arrow.css);
			if (again) {
				arrow = null;
				(again.disabled ? again.closest("article") : again).focus({ preventScroll: true });
				hold(again, pressed);
			} else if (inside && !at.checkVisibility()) (log.contains(at) ? at.closest("article") : log).focus();
			if (here && turns.has(here[0])) hold(turns.get(here[0]).el, here[1]);
			if (full) memory.spot = null;
			keep();
			tick();
		},
		close() {
			clearTimeout(ticking);
			sizes.disconnect();
			memory.spot = spot();
		},
	};
}
