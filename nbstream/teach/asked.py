"""What was asked, as a tape tells it: the question without what is secret, and how it is recognised. Pure."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from heapq import nlargest
from typing import Any

from ..messages import ChatRequest, Message
from .requestshapes import OPTIONS
from .scrub import shaped
from .scrubtext import Hide, as_it_is, scrubbed_text
from .tapeshapes import ANY, JSON, WORD

Ask = dict[str, Any]
"""A question as it stands on a tape: JSON."""
PARTS = ("system", "messages", "results", "temperature", "max_tokens", "tools", "options", "schema", "stream")
"""What of a question may be another while its last prompt is the same."""
BEGINNING, FEW = 300, 8
"""Characters by which prompts are compared, and how many of those that share most words with one."""
LONGEST, COMPARED = 20_000, 120
"""Characters in which changes are looked for, and words from the first change to the last."""
LIKE, MOST = 0.4, 4
"""How much alike two prompts are whose difference is told, and how many differences are."""
_TOKEN = re.compile(r"[a-zA-Z0-9_]+|\s+|.", re.S)


def asked(provider: str, chat: ChatRequest, hide: Hide = as_it_is) -> Ask:
    """The question in `chat`, as far as it may be kept; only what was said, in an order that stays."""
    given = {name: value for name, value in chat.options.items() if name in OPTIONS}
    found: Ask = {
        "provider": provider,
        "model": scrubbed_text(chat.model, hide),
        "system": chat.system and scrubbed_text(chat.system, hide),
        "messages": [_message(one, hide) for one in chat.messages],
        "temperature": chat.temperature,
        "max_tokens": chat.max_tokens,
        "tools": [shaped(_plain(tool), ANY, hide) for tool in chat.tools],
        "options": shaped(_plain(given), ANY, hide),
        "schema": None if chat.schema is None else shaped(_plain(chat.schema), ANY, hide),
        "stream": None if chat.stream else False,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _message(message: Message, hide: Hide) -> dict[str, Any]:
    """One message. What a model thought, and signatures, are left out: they say nothing of the question."""
    found: dict[str, Any] = {
        "role": message.role,
        "content": scrubbed_text(message.content, hide),
        "tool_calls": [
            {
                "id": shaped(one.id, WORD, hide),
                "name": shaped(one.name, WORD, hide),
                "arguments": shaped(one.arguments, JSON, hide),
            }
            for one in message.tool_calls
        ],
        "tool_call_id": shaped(message.tool_call_id, WORD, hide),
        "attachments": [
            {"type": one.media_type, "size": len(one.data), "sha256": hashlib.sha256(one.data).hexdigest()}
            for one in message.attachments
        ],
    }
    return {name: value for name, value in found.items() if name in ("role", "content") or value}


def _plain(value: Any) -> Any:
    """`value` as JSON has it."""
    return json.loads(
        json.dumps(value, default=lambda one: dict(one) if isinstance(one, Mapping) else str(one))
    )


# --- recognising --------------------------------------------------------------------------------------


def exact(ask: Ask) -> str:
    """The hash of a whole question."""
    return _hash(ask)


def alike(ask: Ask) -> str:
    """The hash of a question without what was said before it: the same cell in another conversation."""
    return _hash(ask | {"messages": _last(ask)})


def last(ask: Ask) -> str:
    """The hash of the last prompt with its pictures, and of how many rounds of tools have followed it."""
    return _hash({"prompt": prompt(ask), "attachments": attachments(ask), "rounds": len(_last(ask))})


def prompt(ask: Ask) -> str:
    """The last prompt, in words."""
    turn = _last(ask)
    return str(turn[0].get("content", "")) if turn else ""


def attachments(ask: Ask) -> list[Any]:
    """What the last prompt brought along: another picture makes it another question."""
    turn = _last(ask)
    return list(turn[0].get("attachments") or []) if turn else []


def model(ask: Ask) -> str:
    """``provider:model``."""
    name = ask.get("model")
    return f"{ask.get('provider')}:{name}" if name else str(ask.get("provider"))


def different(one: Ask, other: Ask) -> list[str]:
    """In which of `PARTS` two questions with the same last prompt differ."""
    sides = [
        side | {"messages": (side.get("messages") or [])[: -len(turn) or None], "results": turn[1:]}
        for side in (one, other)
        for turn in [_last(side)]
    ]
    return [name for name in PARTS if sides[0].get(name) != sides[1].get(name)]


def _last(ask: Ask) -> list[Any]:
    """The messages from the last one of the user's on."""
    messages = ask.get("messages") or []
    start = max((at for at, one in enumerate(messages) if one.get("role") == "user"), default=0)
    return list(messages[start:])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


# --- what changed -------------------------------------------------------------------------------------


def nearest(text: str, others: list[str]) -> str | None:
    """That of `others` which is most like `text`; by how they begin, since streams wait meanwhile.

    >>> nearest("Why is the sky blue?", ["Who are you?", "Why is the sea blue?"])
    'Why is the sea blue?'
    """
    begun = text[:BEGINNING]
    words = set(_TOKEN.findall(begun))
    heads = {one[:BEGINNING]: one for one in reversed(others)}
    some = nlargest(FEW, heads, key=lambda head: len(words.intersection(_TOKEN.findall(head))))
    best = max(some, key=lambda head: difflib.SequenceMatcher(None, begun, head).ratio(), default=None)
    return None if best is None else heads[best]


def changed(before: str, now: str) -> str:
    """In which words `now` is another than `before`; "" where hardly any is the same.

    >>> changed("Why is the sky blue?", "Why is the deep sea blue today?")
    '“sky” → “deep sea”, + “today”'
    >>> changed("为什么天空是蓝的？", "为什么海洋是蓝的？"), changed("hello", "Why?")
    ('“天空” → “海洋”', '')
    """
    a, b = _TOKEN.findall(before[:LONGEST]), _TOKEN.findall(now[:LONGEST])
    same = _begin_alike(a, b)
    a, b = a[same:], b[same:]
    ends = _begin_alike(a[::-1], b[::-1])
    a, b = a[: len(a) - ends], b[: len(b) - ends]
    cut = max(len(a), len(b)) > COMPARED  # what takes long is cubic in that
    a, b = a[:COMPARED], b[:COMPARED]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    alike = same + ends + sum(block.size for block in matcher.get_matching_blocks())
    if 2 * alike < LIKE * (len(a) + len(b) + 2 * (same + ends)):
        return ""
    spans: list[list[int]] = []
    for kind, *span in matcher.get_opcodes():
        blank = kind == "equal" and not "".join(a[span[0] : span[1]]).strip()
        if spans and spans[-1][1] == span[0] and (kind != "equal" or blank):
            spans[-1][1], spans[-1][3] = span[1], span[3]
        elif kind != "equal":
            spans.append(span)
    said = [_said("".join(a[one[0] : one[1]]), "".join(b[one[2] : one[3]])) for one in spans]
    said = [one for one in said if one]
    return ", ".join(said[:MOST]) + (" …" if cut or len(said) > MOST else "")


def _begin_alike(a: list[str], b: list[str]) -> int:
    """How many of the first are the same."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(a), len(b)))


def _said(gone: str, new: str, most: int = 60) -> str:
    gone, new = (" ".join(text.split()) for text in (gone, new))
    gone, new = (f"“{text[:most]}{'…' * (len(text) > most)}”" if text else "" for text in (gone, new))
    if gone and new:
        return f"{gone} → {new}"
    return f"+ {new}" if new else f"− {gone}" if gone else ""
