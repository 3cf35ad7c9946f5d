// Whether the kernel is there, and the notebook has all.

const page = Math.random().toString(36).slice(2); // what is saved reaches only the first

function createLife(panel, place) {
	const { words } = panel;
	const all = viewsOf(panel.model);
	const known = Object.create(all); // and what this view knows
	const kernel = panel.model.widget_manager?.kernel ?? {};
	const cell = () => place.closest(".jp-Cell") ?? {};
	const hello = () => panel.say({ do: "hello", page });
	let shown, off, away, taken;

	function told(line) {
		const { saved, restore } = panel.state;
		const go = cell().nodeType && (() => cell().querySelector(".cm-content").focus());
		const behind = saved?.behind && saved.home !== page;
		// Or a cell with a magic fails, and loses what is saved below it.
		const load = () => {
			kernel.requestExecute({ code: "%load_ext nbstream", silent: true, store_history: false });
			go();
		};
		if (known.gone) {
			const text = words[known.gone] + (behind ? words.life_unsaved : "");
			return [text, ...(known.gone === "life_restarted" && go ? ["load", load] : ["to_cell", go])];
		}
		if (away) return [words.life_away, "reconnect", line === "disconnected" && (() => kernel.reconnect())];
		if (restore) return [restore.line, "restore", () => panel.say({ do: "restore" })];
		return behind ? [words.life_behind, "to_cell", go] : [""];
	}

	function show() {
		const { connectionStatus: line = "connected" } = kernel;
		if (away && line === "connected") panel.sync(true);
		away = line !== "connected";
		if (off !== (off = !!known.gone || away)) panel.parts.composer.block(off && words.life_off);
		const [text, label, does] = told(line);
		if (shown === (shown = text)) return;
		place.replaceChildren(text);
		place.hidden = !text;
		if (does) make("button", "nbp-button", place, words[label]).onclick = does;
	}

	// What waits goes back into the box; what ran does not go on.
	function end() {
		const { busy, queue } = panel.state;
		if (queue) panel.parts.composer.takeBack();
		const set = { ".nbp-error": { textContent: words.life_cut } };
		const turns = busy && [["info", busy.turn, { status: "stopped", foot: "", set }]];
		panel.receive({ seq: panel.seq + 1, state: { busy: null, sending: false, queue: "" }, turns });
	}

	function hear(_, status) {
		if (/start/.test(status)) all.gone = "life_restarted";
		else if (/dead|terminating/.test(status)) all.gone = "life_dead";
		else if (/closed|lost/.test(status)) known.gone = status === "lost" ? "life_lost" : "life_dead";
		if (all.gone) end();
		if (known.gone) cell().nbpBox = panel.root.querySelector(".nbp-composer textarea");
		show();
	}

	const signals = { statusChanged: hear, connectionStatusChanged: show, disposed: () => hear(0, "closed") };
	for (const name in signals) kernel[name]?.connect(signals[name]);
	setTimeout(() => (panel.lost ? hear(0, "lost") : show()), 200); // it stands in its cell
	hello();

	return {
		state({ saved }, news, full) {
			if (full && !known.gone) {
				panel.state.draft ||= cell().nbpBox?.value;
				delete cell().nbpBox;
			}
			if (saved?.home === page && taken !== (taken = saved.written)) hello();
			show();
		},
		close() {
			for (const name in signals) kernel[name]?.disconnect(signals[name]);
		},
	};
}
