"""What the tests of answers share: texts to ask for, the text that one must show, and its hash."""

from __future__ import annotations

import hashlib
import html
import re

from markdown_it import MarkdownIt

from tests.browser.page import squeezed

LINES = [f"Paragraph {number} of plain words, **bold** ones, and `code`." for number in range(60)]
FAR = "\n\n".join(LINES)
BLOCKS = r"""
# One

Text

## Two

### Three `code`

#### Four

##### Five

###### Six

Title
=====

Text

Sub
---

- a
- b
  - c
    - d

      para in d
- e

1. one
2. two
   1. inner

Text

- loose

- items

  more

Text

- [ ] open
- [x] done

```python
def f(x):
    return x
```

1. Do

   ```js
   let x = 1;
   ```
2. Then

```
ends empty

```

Text

```
```

    indented

```
LONG
```

| a | b |
|---|--:|
| 1 | `2` |

Text

WIDE

Text

> quoted
>
> > deeper
>
> - in a list

---

A note[^1], a line\x20\x20
break, <b>no tag</b>, $5 and $10, ![alt](https://example.com/x.png), [link](https://example.com/a).

[^1]: The note.

WORD

这是**重点**，`代码` 和数字 123。

> 引用

😀 done, and Euler: $e^{i\pi}+1=0$, \(\frac{a}{b}\), and prices of $5 to $10.

$$E = mc^2$$

Text

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

\[
\begin{aligned} a &= b \\ c &= d \end{aligned}
\]

- in an item: $\sqrt{\frac{x}{y}}$

Text"""
WIDE = "\n".join("|" + cell * 14 for cell in (" a wide column |", "---|", " some words here |"))
EVERYTHING = BLOCKS.replace("LONG", "a long line of code " * 30).replace("WIDE", WIDE)
EVERYTHING = EVERYTHING.replace("WORD", "verylongword" * 30).replace("\\x20", " ").strip()
LAST = {  # blocks whose margin meets the footer's
    "a list": "- a\n- b",
    "a loose list": "- a\n\n- b",
    "a quote": "> a",
    "code": "```\na\n```",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "a heading": "## Head",
    "a formula": "$$\n\\sum_{i=1}^n i\n$$",
}


def ask(text: str) -> str:
    """A cell whose answer is `text`."""
    return f"#hidden\n%%llm -m openai:say\n{text}"


def shown(markdown: str) -> str:
    """The squeezed text of `markdown` when it is rendered, by an engine with none of our own rules."""
    rendered = MarkdownIt("commonmark").enable("table").render(markdown)
    return squeezed(html.unescape(re.sub(r"<[^>]*>", " ", rendered)))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def assert_same(visible: str, sent: str) -> None:
    """`visible` (squeezed) is what `sent` shows, to the last character; says where they part if not."""
    expected = shown(sent)
    if digest(visible) == digest(expected):
        return
    at = next((i for i, (a, b) in enumerate(zip(visible, expected, strict=False)) if a != b), None)
    at = min(len(visible), len(expected)) if at is None else at
    raise AssertionError(
        f"{len(visible)} characters are shown, {len(expected)} were sent; they part at {at}:\n"
        f"  shown …{visible[max(0, at - 40) : at + 40]!r}…\n  sent  …{expected[max(0, at - 40) : at + 40]!r}…"
    )
