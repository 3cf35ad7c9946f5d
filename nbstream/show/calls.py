"""A tool's call as a person sees it: what is called with what, and what came back.

All of it is hostile: names and arguments are the model's, results may be anybody's. A key of this kernel that
a model was told, and gives to a function, is masked; the function gets what was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ..chat.session import session
from ..messages import Message, ToolCall
from .cards import literal
from .clean import clean
from .markdown import settle

MOST_ARGUMENTS = 4_000
"""Characters of arguments that are shown: whoever allows a call should have seen it."""
MOST_RESULT = 300
LINE = 100
"""Characters of one line; what is longer, or has lines, stands below as a block."""


@dataclass(frozen=True, slots=True)
class CallCard:
    """One call; `result` is None as long as there is none."""

    name: str
    arguments: str
    """As the model wrote them."""
    result: str | None = None

    @property
    def markdown(self) -> str:
        """The card as it stays: settled, so safe wherever it is read."""
        line, blocks = _written(self.arguments)
        parts = [f"**⚙ {literal(shortened(self.name, LINE))}**({literal(line)})", *map(_fenced, blocks)]
        if self.result is not None:
            parts.append(f"→ {literal(shortened(self.result, MOST_RESULT))}")
        return settle("\n>\n".join("> " + part.replace("\n", "\n> ") for part in parts)).strip("\n")

    @property
    def html(self) -> str:
        """The same, in the shape that the settled one will have."""
        line, blocks = _written(self.arguments)
        inside = f"<p><strong>⚙ {_text(shortened(self.name, LINE))}</strong>({_text(line)})</p>"
        inside += "".join(
            f'<pre><code class="language-text">{_text(block)}\n</code></pre>' for block in blocks
        )
        if self.result is not None:
            inside += f"<p>→ {_text(shortened(self.result, MOST_RESULT))}</p>"
        return f"<blockquote>{inside}</blockquote>"

    @property
    def line(self) -> str:
        """The call on one line, for a prompt; no more of it than a line holds."""
        return shortened(f"{self.name}({_written(self.arguments)[0]})", 2 * LINE)

    @property
    def plain(self) -> str:
        """The card in a terminal."""
        line, blocks = _written(self.arguments)
        parts = [f"⚙ {shortened(self.name, LINE)}({line})"]
        parts += ["\n".join(f"  │ {row}" for row in block.split("\n")) for block in blocks]
        return clean("\n".join(parts))

    @property
    def outcome(self) -> str:
        """Its result in a terminal."""
        return f"→ {shortened(self.result or '', MOST_RESULT)}"


def cards(messages: Sequence[Message], names: Mapping[str, str]) -> Iterable[Message | CallCard]:
    """The rounds of a turn as they are shown: what the model said, and a card for each call it made.

    `names` are what functions and parameters are called here, where models know them by another name. What
    the model said before it was corrected is not part of its answer.
    """
    for position, message in enumerate(messages):
        if not message.tool_calls:
            continue
        yield message
        results = []
        for later in messages[position + 1 :]:
            if later.role != "tool":
                break
            results.append(later.content)
        for number, call in enumerate(message.tool_calls):
            result = results[number] if number < len(results) else None
            yield card(call, names, result)


def card(call: ToolCall, names: Mapping[str, str], result: str | None = None) -> CallCard:
    """The card of `call`, by the names that functions and parameters have here."""
    told = None if result is None else by_name(result, names)
    arguments = session().keys.masked(_renamed(call.arguments, names))
    return CallCard(names.get(call.name, call.name), arguments, told)


def by_name(result: str, names: Mapping[str, str]) -> str:
    """What a model is told of a call, for a person: by the names that functions and parameters have here.

    >>> by_name("f_01930644: missing", {"f_01930644": "城市"})
    '城市: missing'
    """
    return re.sub(r"\bf_[0-9a-f]{8}\b", lambda wire: names.get(wire[0], wire[0]), result)


def _renamed(arguments: str, names: Mapping[str, str]) -> str:
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(given, dict) or names.keys().isdisjoint(given):
        return arguments
    return _json({names.get(name, name): value for name, value in given.items()})


def shortened(text: str, most: int) -> str:
    """`text` on one line, cut with the number of characters that are left out.

    >>> shortened("one\\ntwo", 20), shortened("x" * 50, 10)
    ('one two', 'xxxxxxxxxx … (+40)')
    """
    text = " ".join(clean(text).split())
    return text if len(text) <= most else f"{text[:most]} … (+{len(text) - most:,})"


def _written(arguments: str) -> tuple[str, list[str]]:
    """Arguments as one line; and below it those that would not fit there, each as a block of its own."""
    try:
        given = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return ("", [_cut(arguments)]) if len(arguments) > LINE or "\n" in arguments else (arguments, [])
    line, blocks = [], []
    for name, value in given.items():
        text = value if isinstance(value, str) else _json(value)
        short = "\n" not in text and len(text) <= LINE
        line.append(f"{name}={_json(value) if short else '…'}")
        if not short:
            blocks.append(_cut(text))
    joined = ", ".join(line)
    return (joined, blocks) if len(joined) <= MOST_ARGUMENTS else ("…", [_cut(joined), *blocks])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    text = clean(text).strip("\n")
    if len(text) <= MOST_ARGUMENTS:
        return text
    return f"{text[:MOST_ARGUMENTS]} … (+{len(text) - MOST_ARGUMENTS:,})"


def _fenced(text: str) -> str:
    """`text` in a fence that nothing in it can close."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _text(text: str) -> str:
    return escape(clean(text), quote=False)
