"""A conversation in the order that Baidu insists on: user, assistant, user, …, and nothing blank."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import fail
from ..i18n import t
from ..messages import Message
from .attached import images
from .toolcalls import answered


def orderly(messages: Iterable[Message]) -> list[Message]:
    """`messages` with system messages left out, blank ones too, and neighbours of one role merged.

    What stands before the first user message is dropped; a result that answers no call is the user's word;
    where an assistant has the last one, it is asked to go on. Raises `NbstreamError` (config) where nothing
    is left.

    >>> many = Message.many(["a", "b", {"role": "assistant", "content": " "}, "c"])
    >>> [(one.role, one.content) for one in orderly(many)]
    [('user', 'a\\n\\nb\\n\\nc')]
    """
    out: list[Message] = []
    messages = tuple(messages)
    answers = answered(messages)
    for position, message in enumerate(messages):
        if message.role == "tool" and position not in answers:
            message = Message("user", message.content)
        if message.role == "tool" and not message.content.strip():
            message = replace(message, content="null")  # its call must be answered, and nothing may be blank
        if message.role == "system" or not (message.content.strip() or message.tool_calls or images(message)):
            continue
        if not out and message.role != "user":
            continue
        last = out[-1] if out else None
        if last and last.role == message.role != "tool" and not (last.tool_calls or message.tool_calls):
            content = "\n\n".join(filter(None, [last.content, message.content]))
            out[-1] = replace(last, content=content, attachments=last.attachments + message.attachments)
        else:
            out.append(message)
    if not out:
        raise fail("config.empty_prompt")
    if out[-1].role == "assistant":
        out.append(Message("user", t("prompt.go_on")))
    return out


def system_of(system: str | None, messages: Iterable[Message]) -> str:
    """All that was said as ``system``, in one piece: it may be said only once."""
    said = [system or "", *(message.content for message in messages if message.role == "system")]
    return "\n\n".join(text for text in said if text.strip())
