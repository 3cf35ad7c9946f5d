"""The conversations of a session: one gets another name, one goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import fail
from . import checks
from .conversation import Conversation
from .loading import free

if TYPE_CHECKING:
    from .session import Session


def unused(here: Session, name: str, like: str) -> str:
    """`name`, or one like `like` where none is given. Refuses one that a conversation has already.

    >>> from nbstream.chat.session import Session
    >>> here = Session()
    >>> here.conversation("chat-1").name, unused(here, "", "chat"), unused(here, " plan ", "chat")
    ('chat-1', 'chat-2', 'plan')
    """
    name = name.strip() or free(here, like)
    checks.conversation(name)
    here.keys.refuse_as_name(name)
    if name in here.conversations:
        raise fail("config.conversation_taken", name=name, free=free(here, name))
    return name


def rename(here: Session, talk: Conversation, name: str) -> None:
    """Call `talk` otherwise from now on; whoever looks at it goes on looking."""
    if name.strip() == talk.name:
        return
    name = unused(here, name, talk.name)
    # Its place among the others stays.
    names = {one: name if other is talk else one for one, other in here.conversations.items()}
    here.conversations = {names[one]: other for one, other in here.conversations.items()}
    talk.name = name
    talk.watchers.changed()
    here.watchers.changed()


def remove(here: Session, talk: Conversation) -> None:
    """Let `talk` go, and stop what runs in it. The only one there is stays, and is empty."""
    others = {name: other for name, other in here.conversations.items() if other is not talk}
    here.conversations = others or here.conversations
    talk.reset()
    here.removed |= talk.history.gone
    here.watchers.changed()


def stands(here: Session, talk: Conversation) -> bool:
    """Whether nobody has deleted `talk`."""
    return any(one is talk for one in list(here.conversations.values()))


def beside(here: Session, talk: Conversation) -> str:
    """The name of the conversation to go on with where `talk` is gone; its own while it is not."""
    if stands(here, talk) or talk.name in here.conversations:  # another was begun under its name
        return talk.name
    return "main" if "main" in here.conversations else next(reversed(here.conversations), talk.name)
