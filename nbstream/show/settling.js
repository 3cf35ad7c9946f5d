// The moment when the front end replaces an answer's view by the Markdown that stays. The view itself is laid
// over that place until the Markdown stands: no frame is blank, no line jumps, what is selected stays so.

// Every character of `root` that is no white space, as [text node, offset].
function signs(root) {
  const all = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    if (node.parentElement.closest(".jp-InternalAnchorLink")) continue; // the ¶ beside a heading
    for (let at = 0; at < node.length; at++) if (/\S/.test(node.data[at])) all.push([node, at]);
  }
  return all;
}

const read = (all, from, to) => all.slice(from, to + 1).map(([node, at]) => node.data[at]).join("");

// What is selected in `root`, or null; and the same selected in another rendering of the same text.
function selected(root) {
  const range = getSelection().rangeCount && getSelection().getRangeAt(0);
  if (!range || range.collapsed || !root.contains(range.commonAncestorContainer)) return null;
  const all = signs(root);
  const inside = ([node, at]) => !range.comparePoint(node, at) && !range.comparePoint(node, at + 1);
  const from = all.findIndex(inside);
  const to = all.findLastIndex(inside);
  return from < 0 ? null : { from, to, text: read(all, from, to) };
}

function select(root, { from, to, text }) {
  const all = signs(root);
  if (read(all, from, to) !== text) return;
  getSelection().setBaseAndExtent(...all[from], all[to][0], all[to][1] + 1);
}

// How far a reader would be moved by showing `root` instead of `body`; block for block they are the same.
function shift(body, root, page) {
  const top = page.getBoundingClientRect().top;
  const seen = [...body.children].findIndex((block) => block.getBoundingClientRect().bottom > top);
  const [was, is] = seen < 0 ? [body, root] : [body.children[seen], root.children[seen]];
  const edge = seen < 0 ? "bottom" : "top";
  return is ? is.getBoundingClientRect()[edge] - was.getBoundingClientRect()[edge] : 0;
}

// Lay `el`, whose text is `body`, over its output until the Markdown that replaces that output stands.
function settleOver(el, body) {
  const output = el.closest(".jp-OutputArea-output");
  const area = el.closest(".jp-OutputArea");
  if (!output) return;
  const place = [...area.children].indexOf(output.closest(".jp-OutputArea-child"));
  const home = el.parentElement;
  const page = scroller(el);
  const end = page.scrollTop > 0 && below(page, el) < 24;
  const picked = selected(body);
  const from = area.getBoundingClientRect();
  const at = output.getBoundingClientRect();
  el.style.setProperty("--nbs-left", at.left - from.left + "px");
  el.style.setProperty("--nbs-top", at.top - from.top + "px");
  el.style.width = at.width + "px";
  area.style.minHeight = getComputedStyle(area).height;
  area.classList.add("nbs-settling");
  const names = ["nbs-ghost", "jp-OutputArea-output"]; // so the front end's rules for outputs hold
  el.classList.add(...names);
  area.append(el);
  if (picked) select(body, picked);
  const count = (root) => root.querySelectorAll("mjx-container").length;
  const began = Date.now();
  let frames = 0;

  const look = () => {
    const settled = area.children[place]?.querySelector(".jp-RenderedMarkdown");
    frames += settled?.childElementCount && count(settled) >= count(body) ? 1 : 0;
    if (frames < 2 && Date.now() - began < 3000) return void requestAnimationFrame(look);
    const still = selected(body);
    const moved = settled ? shift(body, settled, page) : 0;
    area.style.minHeight = "";
    area.classList.remove("nbs-settling");
    el.classList.remove(...names);
    if (home.isConnected) home.append(el); // nothing came: the view stays
    else el.remove();
    page.scrollTop += end ? Math.max(0, below(page, area)) : moved;
    if (still && settled) select(settled, still);
  };
  requestAnimationFrame(look);
}
