// While the front end replaces an answer's view by Markdown, the view lies over that place until the Markdown
// stands: no frame is blank, no line jumps, what is selected stays so.

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

// How far `root` instead of `body` would move what one reads; block for block they are the same.
function shift(body, root, page) {
  const top = box(page).top;
  const seen = [...body.children].findIndex((block) => box(block).bottom > top);
  if (seen < 0) return box(root).bottom - box(body).bottom;
  return root.children[seen] ? box(root.children[seen]).top - box(body.children[seen]).top : 0;
}

function settleOver(el, body) {
  const output = el.closest(".jp-OutputArea-output");
  const area = el.closest(".jp-OutputArea");
  if (!output) return;
  const index = [...area.children].indexOf(output.closest(".jp-OutputArea-child"));
  const home = el.parentElement;
  // Notebook 7 boxes a long output: not before our reader's eyes.
  const boxes = area.closest(".jp-Cell")?.classList;
  const boxed = boxes?.contains("jp-mod-outputsScrolled");
  const page = scroller(el);
  const end = page.scrollTop > 0 && below(page, el) < 24;
  const picked = selected(body);
  const from = box(area);
  const at = box(output);
  const place = { left: at.left - from.left, top: at.top - from.top, width: at.width };
  for (const name in place) el.style.setProperty("--nbs-" + name, place[name] + "px");
  area.style.minHeight = getComputedStyle(area).height;
  const names = ["nbs-ghost", "jp-OutputArea-output"]; // so the front end's rules for outputs hold
  el.classList.add(...names);
  area.append(el);
  if (picked) select(body, picked);
  const count = (root) => root.querySelectorAll("mjx-container").length;
  const began = Date.now();
  let frames = 0;

  const look = () => {
    if (!boxed) boxes?.remove("jp-mod-outputsScrolled");
    const settled = area.children[index]?.querySelector(".jp-RenderedMarkdown");
    frames += settled?.childElementCount && count(settled) >= count(body) ? 1 : 0;
    if (frames < 2 && Date.now() - began < 3000) return void requestAnimationFrame(look);
    const still = selected(body);
    const moved = settled ? shift(body, settled, page) : 0;
    area.style.minHeight = "";
    el.classList.remove(...names);
    if (home.isConnected) home.append(el); // nothing came: the view stays
    else el.remove();
    page.scrollTop += end ? Math.max(0, below(page, area)) : moved;
    if (still && settled) select(settled, still);
  };
  requestAnimationFrame(look);
}
