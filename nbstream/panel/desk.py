"""Behind a panel: hears what its views wish, tells them what is new. Knows no widget.

All that is told goes from the io loop, numbered, so that every view can see that it missed something. What
a view wishes comes on whichever thread the kernel delivers it, and perhaps twice (a comm and the control
channel): it is done once, in order, on a thread of the desk's own, or at once on the io loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from ..chat.background import io_loop
from ..chat.conversation import Conversation
from ..chat.history import Turn
from ..chat.session import Session, session
from ..chat.watching import Relay
from ..errors import NbstreamError
from ..i18n import t
from .fixes import fixes as mending
from .fixes import told
from .part import Part
from .sound import sound

log = logging.getLogger("nbstream")
P = TypeVar("P", bound=Part)
Send = Callable[[dict[str, Any], Sequence[bytes]], None]
REMEMBERED = 200
"""Wishes by which a repetition is known."""
REPLIES = 10
"""Replies that are kept: a server whose line is full drops some."""
Reply = tuple[dict[str, Any], Sequence[bytes]]


class Desk:
    """One panel, without its widget.

    Parameters
    ----------
    send : function
        Called on the io loop with each message and its buffers.
    parts : iterable of type
        The `Part` classes.
    look : function
        Called on the io loop when something has changed: the language, perhaps.
    model, system : str, optional
        The panel's own model, until somebody chooses another; what its conversation begins with.
    conversation : str
    """

    def __init__(
        self,
        send: Send,
        parts: Iterable[type[Part]],
        look: Callable[[], None] = lambda: None,
        *,
        model: str | None = None,
        conversation: str = "main",
        system: str | None = None,
        here: Session | None = None,
    ) -> None:
        self.session = here or session()
        self.own_model = model
        self.talk: Conversation = self.session.conversation(conversation)
        if system is not None:
            self.talk.presets["system"] = system
        self.answered = 0
        """The last message that a view has painted."""
        self.on_control = False
        """Whether views are heard on the kernel's control channel."""
        self.closed = False
        self._send, self._on_look = send, look
        self._loop = io_loop()
        self._seq = 0
        self._told: dict[str, Any] = {}
        self._heard: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._replies: OrderedDict[tuple[str, str], Reply] = OrderedDict()
        self._work: deque[Callable[[], None]] = deque()
        self._working = self._looking = False
        self._lock = threading.Lock()
        self._notice: dict[str, Any] | None = None
        self.parts = [kind(self) for kind in parts]
        self._wishes = {name: method for part in self.parts for name, method in part.wishes().items()}
        self.talk.watchers.add(self)
        self.session.watchers.add(self)
        self.changed()

    @property
    def model(self) -> str:
        """What the next turn asks."""
        return self.own_model or self.session.default_model()

    @property
    def presets(self) -> dict[str, Any]:
        """``system``, ``temperature``, ``max_tokens`` of the next turn, the same in all panels on it."""
        return self.talk.presets

    def part(self, kind: type[P]) -> P:
        """The part of that kind."""
        return next(part for part in self.parts if isinstance(part, kind))

    def go_to(self, name: str) -> None:
        """Show another conversation, begun if there is none."""
        talk = self.session.conversation(name)
        self.talk.watchers.remove(self)
        self.talk = talk
        talk.watchers.add(self)
        self.changed()

    # --- telling ----------------------------------------------------------------------------------------

    def tell(
        self,
        state: dict[str, Any] | None = None,
        turns: list[Any] | None = None,
        reply: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send what is new to all views, from any thread; of `state` what is not known to them."""
        self.on_loop(self._tell, state, turns, reply, buffers)

    def _tell(
        self,
        state: dict[str, Any] | None,
        turns: list[Any] | None = None,
        reply: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        news = {name: value for name, value in (state or {}).items() if self._told.get(name, ...) != value}
        self._told |= news
        message = {"state": news, "turns": turns, "reply": reply}
        message = {name: value for name, value in message.items() if value}
        if message and not self.closed:
            self._put(message, buffers)

    def _put(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self._seq += 1
        try:
            self._send(sound({"seq": self._seq, **message}), buffers)
        except Exception:  # the views see a gap, and ask for all there is
            if not self.closed:  # meanwhile, from another thread
                log.exception("a message of the panel could not be sent")

    @property
    def seq(self) -> int:
        """The number of the message that was sent last."""
        return self._seq

    def notice(self, said: NbstreamError | str | None, fixes: Sequence[dict[str, Any]] = ()) -> None:
        """Show a sentence, or what went wrong and how to mend it, above the composer; None takes it away."""
        if isinstance(said, NbstreamError):
            self.session.last_error = said  # for `why`
            words = {"text": said.what, "why": said.why, "fix": told(said).fix}
            self._notice = {"kind": "error", **words, "fixes": [*fixes] or mending(said)}
        else:
            self._notice = {"kind": "hint", "text": said, "fixes": [*fixes]} if said else None
        self.tell({"notice": self._notice})

    def on_loop(self, what: Callable[..., None], *values: Any) -> None:
        """Have `what` called on the io loop: at once where we are on it."""
        if asyncio._get_running_loop() is self._loop:
            what(*values)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)

    def _sync(self, wish: dict[str, Any]) -> None:
        """Tell a view what it has missed: all there is, and what it was answered."""
        if wish.get("seq") != self._seq:
            self._snapshot()
        asked = wish.get("asked")
        for id in asked if isinstance(asked, list) else ():
            with self._lock:
                reply = self._replies.get((str(wish.get("view")), str(id)))
            if reply is not None:
                self.tell(reply=reply[0], buffers=reply[1])

    def _snapshot(self) -> None:
        """All there is, for a view that is new or missed something; the others know it and take no notice."""
        state: dict[str, Any] = {"notice": self._notice, "control": self.on_control}
        turns: list[Any] = []
        for part in self.parts:
            try:
                state |= part.state()
                turns += part.snapshot()
            except Exception:
                log.exception("a part of the panel failed")
        # What is new by now is told to all: those who are up to date take no notice of the rest.
        self._tell({name: value for name, value in state.items() if name in self._told and name != "draft"})
        self._told = dict(state)
        self._put({"full": True, "state": state, "turns": turns})

    # --- being told -------------------------------------------------------------------------------------

    def changed(self) -> None:
        """The conversation or the session is another than it was: look, once for all that comes at once."""
        with self._lock:
            if self._looking or self.closed:
                return
            self._looking = True
        self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._looking = False
        if not self.closed:
            self._on_look()
            self._each("changed")

    def ran(self, turn: Turn, relay: Relay) -> None:
        self.on_loop(partial(self._each, "ran", turn, relay))

    def _each(self, what: str, *values: Any) -> None:
        for part in () if self.closed and what != "close" else self.parts:
            try:
                getattr(part, what)(*values)
            except Exception:
                log.exception("a part of the panel failed")

    # --- wishes -----------------------------------------------------------------------------------------

    def hear(self, wish: Any, buffers: Iterable[Any] = (), *, control: bool = False) -> None:
        """Take a wish of a view, on whichever thread it comes."""
        if not isinstance(wish, dict) or self.closed:
            return
        wish = sound(wish)
        do, key = wish.get("do"), (str(wish.get("view")), str(wish.get("id")))
        with self._lock:
            self.on_control = self.on_control or control
            if key in self._heard:
                return
            if do != "ack":  # four of them a second would push the others out
                self._heard[key] = None
            while len(self._heard) > REMEMBERED:
                self._heard.popitem(last=False)
        if do == "ack" and isinstance(seq := wish.get("seq"), int):
            self.answered = max(self.answered, min(seq, self._seq))
        elif do == "sync":
            self.on_loop(self._sync, wish)
        elif do == "dismiss":
            self.notice(None)
        elif (method := self._wishes.get(str(do))) is not None:
            doing = partial(self._do, method, wish, [bytes(one) for one in buffers])
            if isinstance(buffers, list):
                buffers.clear()  # the kernel keeps the last message: it may have carried a key
            if method.aside:  # type: ignore[attr-defined]
                self.aside(doing)
            else:
                self.on_loop(doing) if method.now else self.later(doing)  # type: ignore[attr-defined]

    def _do(self, method: Callable[..., Any], wish: dict[str, Any], buffers: list[bytes]) -> None:
        to = {"to": wish.get("view"), "id": wish.get("id")}
        key = str(to["to"]), str(to["id"])
        try:
            result = method(wish, buffers) or {}
        except NbstreamError as error:
            result = {"error": error.what}
            self.notice(error)
        except Exception:
            said = self.session.keys.hide_in(traceback.format_exc())
            log.error("a wish of the panel failed:\n%s", said)
            result = {"error": t("panel.failed")}
            self.notice(t("panel.failed"))
        sent = result.pop("buffers", ())
        if wish.get("ask"):
            with self._lock:
                self._replies[key] = to | result, sent
                while len(self._replies) > REPLIES:
                    self._replies.popitem(last=False)
            self.tell(reply=to | result, buffers=sent)

    def later(self, what: Callable[[], None]) -> None:
        """Do `what` after all that waits, on the desk's own thread, which lives as long as there is work."""
        with self._lock:
            self._work.append(what)
            if self._working:
                return
            self._working = True
        threading.Thread(target=self._drain, name="nbstream-panel", daemon=True).start()

    def _drain(self) -> None:
        while True:
            with self._lock:
                if not self._work:
                    self._working = False
                    return
                what = self._work.popleft()
            _safely(what)

    def aside(self, what: Callable[[], None]) -> None:
        """Do `what` at once, on a thread of its own: it may take for ever."""
        threading.Thread(target=_safely, args=(what,), name="nbstream-panel-aside", daemon=True).start()

    def close(self) -> None:
        """Look on no more, tell nothing more."""
        self.talk.watchers.remove(self)
        self.session.watchers.remove(self)
        self.closed = True
        self.on_loop(self._each, "close")


def _safely(what: Callable[[], None]) -> None:
    try:
        what()
    except Exception:
        log.exception("a part of the panel failed")
