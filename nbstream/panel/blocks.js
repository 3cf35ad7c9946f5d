// Dresses finished blocks of an answer: code gets a bar.

function dress({ words, clone }, body, from, to) {
	const within = [...body.children].slice(from, to);
	for (const code of within.flatMap((block) => [...block.querySelectorAll("pre:not(.nbp-call *) > code")])) {
		const bar = clone(".nbp-bar");
		bar.firstChild.dataset.label = code.className.replace("language-", "");
		code.before(bar);
	}
	// As the kernel counts.
	body.querySelectorAll("[data-do=copyline]").forEach((button, i) => {
		const line = body.parentNode.dataset.code.replace("{k}", i + 1);
		button.dataset.line = line;
		button.ariaLabel = button.title = words.code_cell.replace("{line}", line);
	});
	// What can be moved sideways can be moved with the keys.
	for (const block of within) {
		if (block.scrollWidth > block.clientWidth && !block.matches("pre")) block.tabIndex = 0;
	}
}
