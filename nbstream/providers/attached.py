"""Pictures that go with a message, in the words of the dialects; and without them, where they cannot go."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..attachment import Attachment
from ..messages import Message


def images(message: Message) -> tuple[Attachment, ...]:
    """The pictures of a message. Only the user's are sent: no dialect has others."""
    return tuple(one for one in _all(message) if one.data)


def _all(message: Message) -> tuple[Attachment, ...]:
    """The same, with those of which only the name is kept."""
    if message.role != "user":
        return ()
    return tuple(one for one in message.attachments if one.media_type.startswith("image/"))


def base64(image: Attachment) -> str:
    return b64encode(image.data).decode("ascii")


def data_url(image: Attachment) -> str:
    """
    >>> data_url(Attachment("image/png", b"png"))
    'data:image/png;base64,cG5n'
    """
    return f"data:{image.media_type};base64,{base64(image)}"


def chat_content(message: Message) -> str | list[dict[str, Any]]:
    """Text and pictures as chat completions have them; text alone stays a string.

    >>> chat_content(Message("user", "hi"))
    'hi'
    """
    if not (found := images(message)):
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    return [*text, *({"type": "image_url", "image_url": {"url": data_url(image)}} for image in found)]


def told(message: Message, kept: tuple[Attachment, ...] = ()) -> Message:
    """`message` with the names of its pictures in their place, but for those that are `kept`.

    >>> told(Message("user", "What is it?", attachments=(Attachment("image/png", b"", "a.png"),))).content
    'What is it?\\n\\n[image: a.png]'
    """
    others = (image for image in _all(message) if image not in kept)
    marks = [mark for image in others if (mark := f"[image: {image.name}]") not in message.content]
    content = "\n\n".join(filter(None, [message.content, " ".join(marks)]))
    return replace(message, content=content, attachments=kept)


def question(messages: tuple[Message, ...]) -> Message | None:
    """What is asked now: the user's last word."""
    return next((one for one in reversed(messages) if one.role == "user"), None)


def names(found: Iterable[Attachment]) -> str:
    return ", ".join(image.name or image.media_type for image in found)
