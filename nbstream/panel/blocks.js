// Dresses an answer's finished blocks, from child `from` to child `to` of its body: code gets a bar with its
// language, a copy button, and the line that brings it into a cell. The bar has no text of its own (labels are
// drawn by the style sheet), so that what one selects, counts or reads in a block is the answer and no more.

function dress(panel, body, from, to = body.children.length) {
	const { words } = panel;
	const codes = [...body.querySelectorAll("pre > code")].filter((code) => !code.closest(".nbp-call"));
	const within = [...body.children].slice(from, to);

	// By its number in the answer, as the kernel counts. Turns may be taken out: it is asked for when needed.
	function line(code) {
		const { name } = panel.state.talk ?? {};
		const place = `${body.closest("article").dataset.number}.${codes.indexOf(code) + 1}`;
		const named = /^[\p{L}\p{N}_-]+$/u.test(name) ? name : JSON.stringify(name);
		return `%${words.magic} code ${place}${!name || name === "main" ? "" : ` -c ${named}`}`;
	}

	function copying(button, text) {
		button.onclick = async () => {
			await panel.copy(text());
			button.dataset.said = words.copied;
			setTimeout(() => delete button.dataset.said, 1500);
		};
	}

	for (const code of codes) {
		const pre = code.parentNode;
		if (pre.querySelector(".nbp-bar") || !within.some((block) => block.contains(pre))) continue;
		const bar = make("div", "nbp-bar");
		const language = code.className.replace("language-", "");
		make("span", "", bar).dataset.label = language;
		const cell = make("button", "nbp-icon", bar);
		cell.type = "button";
		const name = () => {
			cell.dataset.label = line(code);
			cell.ariaLabel = cell.title = words.code_cell.replace("{line}", cell.dataset.label);
		};
		pre.addEventListener("pointerenter", name);
		pre.addEventListener("focusin", name);
		name();
		copying(cell, () => line(code));
		copying(panel.button("code_copy", "copy", bar), () => code.textContent.replace(/\n$/, ""));
		pre.prepend(bar);
	}
	// What can be moved sideways can be moved with the keys.
	for (const block of within) {
		if (block.scrollWidth > block.clientWidth && !block.matches("pre")) block.tabIndex = 0;
	}
}
