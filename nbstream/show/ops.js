// Places an answer's blocks as direct children of `root`, before `end`; see blocks.py for the operations.
// The HTML comes from the kernel, which has made it safe.

function createBlocks(root, end = null) {
  let blocks = []; // the elements, by number
  let place = null; // the element whose end grows
  let kept = null; // its last node that stays
  let tail = ""; // the HTML behind it

  function element(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content.firstElementChild;
  }

  function show(html) {
    tail = html;
    while (place.lastChild !== kept) place.lastChild.remove();
    if (html) place.insertAdjacentHTML("beforeend", html);
  }

  const does = {
    append(id, html) {
      for (const old of blocks.splice(id)) old.remove();
      place = kept = null;
      tail = "";
      const made = html && element(html);
      if (!made) return;
      blocks[id] = made;
      root.insertBefore(made, end);
    },
    grow(id, depth, html) {
      place = blocks[id];
      while (depth--) place = place.lastElementChild;
      kept = place.lastChild;
      show(html);
    },
    tail(id, keep, html) {
      show(tail.slice(0, keep) + html);
    },
    text(id, text) {
      tail += text;
      const last = place.lastChild;
      if (last && last !== kept && last.nodeType === 3) last.appendData(text);
      else place.append(text);
    },
  };
  does.replace = does.append;

  return {
    apply(ops) {
      for (const [name, ...rest] of ops) does[name](...rest);
    },
    reset() {
      does.append(0, "");
    },
  };
}
