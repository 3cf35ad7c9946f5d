// Keeps the page still while an answer grows: its height never falls, the page goes along only with a reader
// at its end, and what one reads below stays where it is.

const box = (node) => node.getBoundingClientRect();

function scroller(node) {
  for (let at = node.parentElement; at; at = at.parentElement) {
    const flow = getComputedStyle(at).overflowY;
    if ((flow === "auto" || flow === "scroll") && at.scrollHeight > at.clientHeight + 1) return at;
  }
  return document.scrollingElement;
}

// How far the page goes on below what one sees of it; the blank room behind the last cell does not count.
function below(page, node) {
  const cells = node.closest(".jp-WindowedPanel-inner");
  if (!page.contains(cells)) return page.scrollHeight - page.scrollTop - page.clientHeight;
  return box(cells).bottom - box(page).top - page.clientHeight;
}

// `el` is the answer, `body` the part of it that must not become lower.
function createSteady(el, body) {
  let page, top, along; // what scrolls, where it stood, whether it goes along
  let high, wide, tall;

  return {
    before() {
      page = scroller(el);
      // Who moved up stays there; who comes back to the end goes along again.
      const moved = top === undefined ? 2 : page.scrollTop - top;
      along = moved >= -1 && page.scrollTop > 0 && (along || below(page, el) < (moved > 1 ? 24 : 2));
      tall = el.offsetHeight;
    },
    after() {
      if (body.offsetWidth !== wide) {
        wide = body.offsetWidth;
        body.style.minHeight = high = "";
      }
      if (body.offsetHeight < high) body.style.minHeight = high + "px";
      else high = body.offsetHeight;
      const grown = el.offsetHeight - tall;
      const passed = box(el).bottom - grown <= box(page).top;
      if (along) page.scrollTop += Math.max(0, below(page, el));
      else if (passed) page.scrollTop += grown;
      top = page.scrollTop;
    },
  };
}
