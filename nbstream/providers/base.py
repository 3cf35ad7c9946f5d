"""The contract of a provider: pure functions around a transport.

A provider knows one dialect and nothing else. It makes a `WireRequest` from a `ChatRequest`, and events
from frames. It opens no socket, keeps no state on itself (two streams may run through one provider at
once), reads no environment and starts no thread. The engine does all that, so every provider can be
tested from a list of frames, and behaves alike where things go wrong.

The event generator is driven frame by frame. **After the events of each frame it yields None**, which
means "done with this frame, wait for the next": the engine calls it again only when there is one.

    def events(self, frames):
        for frame in frames:
            data = json.loads(frame.data)
            if data.get("text"):
                yield TextDelta(data["text"])
            if data.get("done"):
                yield Finish("stop", "done")
                return                      # nothing after the end mark is read
            yield None

When the body ends, `frames` ends: what a provider still knows it may yield then. A stream that ends
without a `Finish` becomes an ``interrupted`` error: a provider need not check. Errors inside a stream
are raised from the generator; text that was yielded before is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from ..credentials import CredentialField, Credentials, Secret
from ..errors import NbstreamError
from ..messages import ChatRequest, Event
from ..wire.request import Frame, WireRequest, WireResponse
from .host import Host
from .prefill import Prefill


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a provider offers: the name to ask for, and what a person calls it."""

    name: str
    label: str = ""


class Provider(ABC):
    """One dialect at one address."""

    name: str
    """As in ``-m name:model``."""
    label: str
    """As a person reads it: ``DeepSeek``."""
    default_model: str = ""
    fields: tuple[CredentialField, ...] = ()
    key_page: str = ""
    """Where a person gets a key."""
    base_url: str = ""
    """The default address, "" where there is none."""
    key_optional_elsewhere: bool = False
    """With a base URL of the user's own, no key is asked for: a server there may want none."""
    grace: float = 3.0
    """Seconds that are waited after a `Finish` for what may follow it (usage, a last word)."""
    needs: tuple[tuple[str, ...], ...] = ()
    """Names of fields, any one set of which is enough; empty: all that are required."""
    no_pictures: str | None = "config.no_images"
    """The error for a picture, where it sends none; None: it sends those in ``message.attachments``."""
    listed: tuple[Model, ...] = ()
    """Models that are known without asking, where the service has no list of them."""
    dialect: str = ""
    """Its wire format; "" where nothing goes over a wire."""
    whole: bool = False
    """Whether `request` asks without streaming where ``chat.stream`` is False; else the engine holds back."""
    package: str = ""
    """Somebody else's package without which it cannot work, by the name of its import and of our extra."""
    anywhere: str | None = None
    """An address at which a model of any name passes: for a tape that was recorded at one not known here."""

    @abstractmethod
    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        """The request that starts the stream. Raises `NbstreamError` (config) where it cannot be made."""

    @abstractmethod
    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        """The events of one stream; see the module's docstring for how it is driven."""

    @abstractmethod
    def refused(self, response: WireResponse) -> NbstreamError:
        """The error for an HTTP status >= 400, a body that is no stream, or a refused handshake."""

    def check_model(self, model: str, base_url: str | None) -> None:
        """Raise `NbstreamError` (config) for a name that no model there can have, when it is chosen."""
        return None

    def check_installed(self) -> None:
        """Raise `NbstreamError` (config) where a package that asking takes is missing; playing takes none."""
        return None

    def prefill(self, chat: ChatRequest) -> Prefill | None:
        """How this model goes on with an answer that was begun (`chat` may end with it), or None."""
        return None

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        """One repeat, changed so that it may work (without an option that was refused), or None."""
        return None

    def explained(self, error: NbstreamError) -> NbstreamError:
        """`error` in better words, where this provider knows some: what to start where nobody listens."""
        return error

    def token_request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest | None:
        """The request for a short-lived token, where the provider needs one.

        The engine sends it, keeps the token for as long as it lives, and hands it to `request` as
        ``credentials["token"]``. `request` must do without one, too: a call is checked before it is made.
        """
        return None

    def token(self, response: WireResponse) -> tuple[Secret, float]:
        """The token in the answer to `token_request`, and the seconds it lives."""
        raise NotImplementedError(f"{self.name} has no tokens")

    def token_refused(self, error: NbstreamError) -> bool:
        """Whether `error` means that the token has died early: then it is fetched anew, once."""
        return False

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        """The request that lists models, or None where there is no such thing."""
        return None

    def models(self, response: WireResponse) -> list[Model]:
        """The models in the answer to `models_request`."""
        return []


class HostProvider(Provider):
    """A provider made from the facts of a `Host`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.name = host.name
        self.default_model, self.key_page = host.default_model, host.key_page
        self.base_url = host.base_url
        self.fields, self.needs = host.fields, host.needs
        self.dialect, self.key_optional_elsewhere = host.dialect, host.key_optional_elsewhere
        self.package = host.package

    def prefill(self, chat: ChatRequest) -> Prefill | None:
        known = self.host.prefill
        fits = known is not None and known.fits(chat, chat.model or self.default_model, self.base_url)
        return known if fits else None

    @property
    def label(self) -> str:  # type: ignore[override]  # the language may change while we live
        return self.host.label
