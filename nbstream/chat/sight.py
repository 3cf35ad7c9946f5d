"""Which pictures of a conversation go to this model: none to one that does not see, and not too many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import fail
from ..i18n import renamed
from ..messages import ChatRequest
from ..providers.attached import images, names, question, told

if TYPE_CHECKING:
    from .call import Call

MOST, MOST_BYTES = 20, 14_000_000
"""Pictures of one request, and their bytes: in base64 just below the 20 MB that Gemini takes."""


def seen(call: Call) -> ChatRequest:
    """The chat of `call` with the pictures that its model is sent; of the others the names are left.

    The newest go first. Raises `NbstreamError` (config) where those of the question itself cannot go.
    """
    chat = call.chat
    if not any(message.attachments for message in chat.messages):
        return chat
    from ..providers.facts import facts, seeing

    asked = question(chat.messages)
    model = chat.model or call.provider.default_model
    provider = call.provider.name
    case = call.provider.no_pictures
    blind = case is not None or facts(provider, model).sees is False
    if blind and asked is not None and (found := images(asked)):
        if case is not None:
            raise fail(case, provider=provider, label=call.provider.label, names=names(found))
        other = seeing(provider)
        line = f"%llm use {provider}:{other}" if other else f"%llm models {provider}"
        fix = renamed(line)
        raise fail(
            "config.blind", provider=provider, model=f"{provider}:{model}", names=names(found), line=fix
        )
    kept = []
    count = size = 0
    for message in reversed(chat.messages):
        found = images(message)
        count, size = count + len(found), size + sum(len(image.data) for image in found)
        fits = count <= MOST and size <= MOST_BYTES
        if found and not fits and message is asked:
            mega, limit = f"{size / 1e6:.1f}", f"{MOST_BYTES / 1e6:.0f}"
            raise fail("config.images_size", count=count, size=mega, most=MOST, limit=limit)
        kept.append(told(message, found if fits and not blind else ()) if message.attachments else message)
    return replace(chat, messages=tuple(reversed(kept)))
