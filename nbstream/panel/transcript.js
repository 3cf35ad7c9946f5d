// The turns: what was asked, what came, and what one may do with it.

const TURN = `<div class=nbp-ask dir=auto><div class=nbp-tools dir=ltr></div><div class=nbp-prompt></div>
<div class=nbp-files></div></div><details class=nbp-thought><summary></summary><div dir=auto></div></details>
<div class="nbs-body jp-RenderedHTMLCommon" dir=auto></div><div class=nbp-error></div><div class=nbp-line>
<div class=nbp-steps><span></span></div><div class=nbp-foot></div><div class=nbp-tools></div></div>`;
const NODES = "ask asking text chips fold name thought body card below steps count line tools".split(" "); // of TURN

function createTranscript(panel, place) {
	const { words, memory } = panel;
	const turns = new Map(); // by id
	const log = make("div", "nbp-log", place);
	const newest = panel.button("newest", "down", place, () => keep((along = true)));
	const sizes = new ResizeObserver(() => keep());
	let asked; // above which turn older ones were asked for
	let busy, since, ticking;
	let heard; // whether what comes was there before
	let arrow; // to another version, that was pressed
	// Not live: sentences go to panel.speak, not each word.
	Object.assign(log, { role: "log", ariaLive: "off", ariaLabel: words.log, tabIndex: 0 });

	function create(id, { prompt, files, cell }) {
		const el = make("article");
		const turn = { id, el, dressed: 0, next: 0, aloud: "" };
		el.innerHTML = TURN;
		el.querySelectorAll("*").forEach((node, i) => (turn[NODES[i]] = node));
		turn.blocks = createBlocks(turn.body);
		const say = (wish, more) => panel.say({ do: wish, turn: id, ...more });
		const step = (by) => ({ currentTarget }) => {
			arrow = currentTarget;
			say("version", { step: by });
		};
		// The button asks once before the turn goes.
		const remove = ({ currentTarget: button }) => {
			if (!button.firstElementChild) return say("remove");
			button.textContent = words[turn.versions[1] > 1 ? "remove_version" : "remove_sure"];
			button.onblur = () => button.replaceChildren(panel.icon("remove"));
			button.focus(); // Safari does not
		};
		for (const [where, name, icon, does = () => say(name)] of [
			["asking", "edit", "edit", () => edit(id)],
			["asking", "remove", "remove", remove],
			["steps", "version_back", "left", step(-1)],
			["steps", "version_on", "right", step(1)],
			["tools", "continue"],
			["tools", "copy", "copy", async () => panel.copy((await panel.ask({ do: "copy", turn: id })).text)],
			["tools", "retry", "retry"],
			["tools", "retry_other", "down", ({ target }) => panel.mend({ wish: { do: "choosemodel", turn: id } }, target)],
		]) {
			panel.button(name, icon, turn[where], does).dataset.can = name.split("_")[0];
		}
		turn.steps.lastChild.before(turn.count); // ‹ 2/3 ›
		turn.text.textContent = prompt;
		turn.ask.dataset.mark = cell ? `%%${words.magic}` : "";
		if (prompt[900] || prompt.split("\n")[12]) {
			const whole = panel.button("whole", "", turn.ask, () => whole.remove()); // folded till then
		}
		files.forEach((file, index) => show(turn, file, index));
		el.tabIndex = -1;
		el.dataset.turn = id;
		sizes.observe(el);
		return turn;
	}

	function show({ id, chips }, { name, picture }, index) {
		const made = make(picture ? "img" : "span", "nbp-file", chips, name);
		if (!picture) return;
		made.alt = made.title = name;
		made.onload = () => URL.revokeObjectURL(made.src);
		panel.ask({ do: "picture", turn: id, index }).then(({ type, buffers }) => {
			made.src = URL.createObjectURL(new Blob(buffers, { type }));
		});
	}

	// Shows what has become of a turn: `info` is some of it, or all.
	function paint(turn, info) {
		const ran = turn.runs;
		const { el, card, can, versions: [k, n] } = Object.assign(turn, info);
		const [back, count, on] = turn.steps.children;
		const may = ["version", ...can];
		for (const made of el.querySelectorAll("[data-can]")) made.hidden = !may.includes(made.dataset.can);
		turn.runs = el.ariaBusy = turn.status === "running";
		el.ariaLabel = words.turn.replace("{n}", (el.dataset.number = turn.number));
		turn.steps.hidden = n < 2;
		count.textContent = `${k}/${n}`;
		back.disabled = k < 2;
		on.disabled = k === n;
		turn.name.textContent = words[turn.runs && !turn.body.firstChild ? "thinking" : "thought"];
		if ("error" in info) {
			const { html = "", fixes = [] } = info.error ?? {};
			card.innerHTML = html;
			card.querySelector("[role]")?.removeAttribute("role"); // we say it, and once
			for (const fix of fixes) {
				make("button", "nbp-button", card, fix.label).onclick = ({ target }) => panel.mend(fix, target);
			}
		}
		if (turn.runs) return;
		turn.line.innerHTML = turn.foot;
		if (ran) grown(turn, card.textContent || words.complete);
	}

	// In place; what is sent begins another version.
	function edit(id, text = turns.get(id).prompt) {
		const { el, ask } = turns.get(id);
		const form = make("div", "nbp-edit");
		const area = make("textarea", "", form);
		const done = async (send) => {
			memory.edit = null;
			form.replaceWith(ask);
			if (!send) return el.focus();
			panel.parts.composer.focus();
			const { error } = await panel.ask({ do: "edit", turn: id, text: area.value });
			if (error && turns.has(id)) edit(id, area.value); // nothing that is typed is lost
		};
		area.value = text; // the cursor stands behind it
		area.ariaLabel = words.edit;
		area.oninput = () => (memory.edit = [id, area.value]);
		area.onkeydown = (event) => {
			const send = event.key === "Enter" && !event.shiftKey;
			if (event.isComposing || event.keyCode === 229) return; // it ends a word of an input method
			if (send) event.preventDefault();
			if (send || event.key === "Escape") done(send);
		};
		panel.button("send", "", form, () => done(true));
		panel.button("cancel", "", form, () => done());
		ask.replaceWith(form);
		area.focus();
		form.scrollIntoView({ block: "nearest" });
		hold(el, y(el));
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

	const does = {
		turn(id, after, info) {
			turns.get(id)?.el.remove();
			const turn = create(id, info);
			const before = turns.get(after);
			turns.set(id, turn);
			if (before) before.el.after(turn.el);
			else log.prepend(turn.el);
			paint(turn, info);
			if (memory.edit?.[0] === id) edit(...memory.edit);
		},
		info: (id, info) => paint(turns.get(id), info),
		gone(id) {
			turns.get(id).el.remove();
			turns.delete(id);
		},
		ops(id, ops) {
			const turn = turns.get(id);
			turn.blocks.apply(ops);
			turn.name.textContent = words.thought;
			grown(turn);
		},
		think: (id, text) => turns.get(id).thought.append(text),
		clear(id) {
			const turn = turns.get(id);
			turn.blocks.reset();
			turn.thought.textContent = turn.aloud = "";
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
		turn.line.textContent = text.replace("{s}", Math.max(0, Math.round(seconds + (step * (Date.now() - since)) / 1000)));
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
		edit,
		follow() {
			along = true;
			keep();
		},
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
				[...turns.keys()].forEach(does.gone);
			}
			for (const [name, id, ...rest] of news ?? []) if (name === "turn" || turns.has(id)) does[name](id, ...rest);
			place.hidden = !turns.size;
			// A button that is gone or hidden must not take the keyboard along.
			const { number } = (!arrow?.isConnected && arrow?.closest("article").dataset) || {};
			const again = number && log.querySelector(`[data-number="${number}"] [title="${arrow.title}"]`);
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
