// The turns: what was asked, what came, and what one may do with it.

function createTranscript(panel, place) {
	const { words, does, memory } = panel;
	const turns = new Map(); // by id
	const [log, newest] = place.children;
	const sizes = new ResizeObserver(() => keep());
	let asked; // above which turn older ones were asked for
	let busy, since, ticking;
	let heard; // whether what comes was there before
	let arrow; // to another version, that was pressed

	does.copy = async ({ turn }) => panel.copy((await panel.ask({ do: "copy", turn })).text);
	does.version = (wish, button) => {
		arrow = button;
		panel.say(wish);
	};
	does.whole = (_, button) => button.remove(); // the prompt was folded
	does.codeline = ({ label }, button) => taken(button, label);
	does.code = (_, button) => taken(button, button.closest("pre").lastChild.textContent.replace(/\n$/, ""));

	async function taken(button, text) {
		await panel.copy(text);
		button.dataset.said = words.copied;
		setTimeout(() => delete button.dataset.said, 1500);
	}

	function create(id, { prompt, files, mark, fold }) {
		const el = panel.clone("article");
		const [ask, thought, body, card, line] = el.children;
		const [, text, chips, whole] = ask.children;
		const [steps, foot] = line.children;
		text.textContent = prompt;
		ask.dataset.mark = mark;
		if (!fold) whole.remove();
		chips.innerHTML = files;
		for (const image of chips.querySelectorAll("img")) {
			image.onload = () => URL.revokeObjectURL(image.src);
			panel.ask({ do: "picture", turn: id, index: +image.dataset.index }).then(({ type, buffers }) => {
				image.src = URL.createObjectURL(new Blob(buffers, { type }));
			});
		}
		el.dataset.turn = id;
		sizes.observe(el);
		return { el, thought, body, card, steps, foot, blocks: createBlocks(body), dressed: 0, next: 0, aloud: "" };
	}

	// Shows what has become of a turn: `info` is some of it, or all.
	function paint(turn, info) {
		const { el, body, card, thought, runs: ran } = turn;
		const { can, number, versions: [k, n] } = (turn.info = { ...turn.info, ...info });
		const [back, count, on] = turn.steps.children;
		for (const button of el.querySelectorAll("[data-can]")) button.hidden = !can.includes(button.dataset.can);
		turn.runs = el.ariaBusy = turn.info.status === "running";
		Object.assign(el.dataset, { number, code: turn.info.code });
		el.ariaLabel = words.turn.replace("{n}", number);
		el.querySelector("[data-sure]").dataset.sure = words[n > 1 ? "remove_version" : "remove_sure"];
		turn.steps.hidden = n < 2;
		count.textContent = `${k}/${n}`;
		back.disabled = k < 2;
		on.disabled = k === n;
		thought.firstChild.textContent = words[turn.runs && !body.firstChild ? "thinking" : "thought"];
		if ("error" in info) card.innerHTML = info.error ?? "";
		if ("code" in info) dress(panel, body, 0, 0);
		if (turn.runs) return;
		turn.foot.innerHTML = turn.info.foot;
		if (ran) grown(turn, card.textContent || words.complete);
	}

	// Finished blocks are dressed, and said aloud but for code: not more often than one can listen. The last two
	// may change. What was higher does not become lower while it runs.
	function grown(turn, end) {
		const { body, dressed, runs } = turn;
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

	const operations = {
		turn(id, after, info) {
			turns.get(id)?.el.remove();
			const turn = create(id, info);
			const before = turns.get(after);
			turns.set(id, turn);
			if (before) before.el.after(turn.el);
			else log.prepend(turn.el);
			paint(turn, info);
		},
		info: (id, info) => paint(turns.get(id), info),
		gone(id) {
			turns.get(id).el.remove();
			turns.delete(id);
		},
		ops(id, ops) {
			const turn = turns.get(id);
			turn.blocks.apply(ops);
			turn.thought.firstChild.textContent = words.thought;
			grown(turn);
		},
		think: (id, text) => turns.get(id).thought.lastChild.append(text),
		clear(id) {
			const turn = turns.get(id);
			turn.blocks.reset();
			turn.thought.lastChild.textContent = turn.aloud = "";
			turn.dressed = 0;
		},
	};

	// The line of the turn that runs; the seconds are counted here.
	function tick() {
		clearTimeout(ticking);
		if (busy !== panel.state.busy) [busy, since] = [panel.state.busy, Date.now()];
		const turn = turns.get(busy?.turn);
		if (!turn?.runs || !busy.status) return;
		const { text, seconds, step } = busy.status;
		const now = seconds + (step * (Date.now() - since)) / 1000;
		turn.foot.textContent = text.replace("{s}", Math.max(0, Math.round(now)));
		ticking = setTimeout(tick, 250);
	}

	const left = () => log.scrollHeight - log.scrollTop - log.clientHeight;
	const y = (node) => node.getBoundingClientRect().top - log.getBoundingClientRect().top;
	let along = true; // a reader at the end goes along with it
	let top = 0; // where the log stood
	let part, was; // for one who is not: what he reads, and where it stood
	let tall; // how high the log was, while the box below is in use and in sight

	// Who moved up stays there; who comes back to the end goes along again.
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

	function hold(node, at) {
		[along, part, was] = [false, node, at];
	}

	// Which turn one reads, and where it stands: when all is built anew, too.
	const spot = () => !along && part?.isConnected && [part.closest("article").dataset.turn, y(part.closest("article"))];

	// What one reads stays where it is, whatever has grown above.
	function keep() {
		if (!log.offsetHeight) return;
		if (log.matches(":active")); // one selects
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
			// It becomes no lower while an answer is on its way.
			log.style.minHeight = panel.state.busy ? `min(${log.offsetHeight}px, 70vh)` : "";
			const pressed = arrow?.isConnected && y(arrow);
			if (full) {
				memory.spot ||= spot();
				[...turns.keys()].forEach(operations.gone);
			}
			for (const [name, id, ...rest] of news ?? []) {
				if (name === "turn" || turns.has(id)) operations[name](id, ...rest);
			}
			place.hidden = !turns.size;
			// A button that is gone or hidden must not take the keyboard along.
			const { number } = (!arrow?.isConnected && arrow?.closest("article").dataset) || {};
			const again = number && log.querySelector(`[data-number="${number}"] [data-step="${arrow.dataset.step}"]`);
			if (again) {
				arrow = null; // one goes on pressing where one has pressed
				(again.disabled ? again.closest("article") : again).focus({ preventScroll: true });
				hold(again, pressed);
			} else if (inside && !at.checkVisibility()) (log.contains(at) ? at.closest("article") : log).focus();
			if (full && turns.has(memory.spot?.[0])) hold(turns.get(memory.spot[0]).el, memory.spot[1]);
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
