"""A conversation that has everything a panel can show, as the code of a cell, and what a page looks like."""

from __future__ import annotations

import textwrap

EVERYTHING = textwrap.dedent(r'''
    import nbstream
    from nbstream.chat.history import Turn
    from nbstream.messages import Answer, Timing, Usage

    talk = nbstream.conversation("main")

    def said(prompt, text, at=None, **facts):
        turn = talk.history.begin(Turn(prompt, "openai:words:30"), at=at)
        facts = {"finish_reason": "stop", "usage": Usage(12, 34), "timing": Timing(0.0, 0.4, 2.0, 34)} | facts
        talk.history.finish(turn, Answer(text, **facts))
        return turn

    said("What is a mean?", r"""## The mean

    It is $\bar x = \frac{1}{n}\sum_i x_i$, which [is known](https://example.org/mean) to all:

    $$\int_0^1 x^2 dx = \frac{1}{3}$$

    - one
    - two, in `code`

    > quoted
    """.replace("\n    ", "\n"), reasoning="First I think of it. " * 20)
    said("A table, please.",
        "| name | count | a long head of a wide column | another one |\n|---|--:|---|---|\n"
        + "| some words | 12 | and some more words | last |\n" * 3 + "\nDone.")
    said("And code? " * 12, "```python\ndef mean(values: list[float]) -> float:\n"
        "    # a comment that is longer than a narrow panel is wide, so that one has to move it sideways\n"
        "    return sum(values) / len(values)\n```\n")
    said("ما هو المتوسط؟ (mean)",
        "المتوسط هو مجموع القيم مقسوما على عددها.\n\n- واحد\n- اثنان\n\n```python\nx = 1\n```\n")
    said("averyveryverylongwordthathasnoplaceinwhichitmaybebroken" * 3,
        "平均数是**所有数值之和**除以个数。" * 9)
    first = said("Which one?", "The first answer.")
    said("Which one?", "The second answer.", at=first)
    said("And a long one?", "It was just about to", finish_reason="cancelled")
    None
''')

# What one can use.
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"
# What is wrong with how things lie: cut off, sticking out, one on another, too small.
LAYOUT = """
root => {
  const wrong = [];
  const name = at => `${at.tagName.toLowerCase()}.${at.className?.baseVal ?? at.className} ` +
    `"${(at.ariaLabel || at.textContent).trim().slice(0, 30)}"`;
  const box = at => at.getBoundingClientRect();
  const seen = at => at.checkVisibility() && box(at).width > 0 && !at.closest('.nbp-unseen');
  const scrolls = at => { // sideways
    for (; at && at !== root.parentElement; at = at.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return true;
    }
  };
  const edge = box(root);
  const all = [...root.querySelectorAll('*')].filter(seen);
  for (const at of all) {
    const { left, right } = box(at);
    if (at.namespaceURI.endsWith('MathML') || at.closest('svg') || scrolls(at)) continue;
    if (left < edge.left - 1 || right > edge.right + 1) wrong.push(`${name(at)} sticks out`);
    const { overflowX, textOverflow } = getComputedStyle(at);
    if (overflowX !== 'visible' && textOverflow !== 'ellipsis' && at.scrollWidth > at.clientWidth + 1) {
      wrong.push(`${name(at)} is cut off`);
    }
  }
  const buttons = all.filter(at => at.matches('button, textarea, input, select, summary'));
  for (const [i, one] of buttons.entries()) {
    const { width, height } = box(one);
    if (width < 16 || height < 16) wrong.push(`${name(one)} is too small: ${width} x ${height}`);
    for (const two of buttons.slice(i + 1)) {
      const [a, b] = [box(one), box(two)];
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const apart = ['.nbp-log', 'dialog'].some(css => one.closest(css) !== two.closest(css));
      if (x > 1 && y > 1 && !apart) wrong.push(`${name(one)} lies on ${name(two)}`);
    }
  }
  for (const at of root.querySelectorAll('.nbp-log, .nbp-head, .nbp-composer, .nbp-transcript')) {
    if (seen(at) && at.scrollWidth > at.clientWidth + 1) wrong.push(`${name(at)} is wider than its place`);
  }
  return wrong;
}
"""
# What has the focus: its name, and what is wrong with how one sees that.
FOCUS = """
root => {
  const at = document.activeElement;
  if (!root.contains(at)) return null;
  const style = getComputedStyle(at);
  const frame = at.closest('.nbp-frame');
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
    || !!frame && getComputedStyle(frame).boxShadow !== 'none';
  const shown = at.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const { left, right, top, bottom } = at.getBoundingClientRect();
  const on = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const name = at.ariaLabel || at.labels?.[0]?.textContent || at.textContent.trim() || at.title;
  return { name, tag: at.tagName.toLowerCase(), ring, shown, inView: bottom > 0 && top < innerHeight,
           on: at.contains(on) || !!on?.contains(at), key: [...root.querySelectorAll('*')].indexOf(at) };
}
"""
