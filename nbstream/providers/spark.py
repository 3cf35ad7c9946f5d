"""iFlytek Spark over its WebSocket: a signed address, one question, an answer in frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlunsplit

from ..credentials import Credentials
from ..errors import NbstreamError, fail
from ..messages import ChatRequest, Event
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from .addresses import checked, plain
from .base import HostProvider, Model
from .refusals import clean
from .spark_frames import spark_events
from .spark_models import VERSIONS, Version, known, nearest, word
from .spark_refusals import refused
from .spark_request import envelope
from .spark_sign import secret_url


class Spark(HostProvider):
    """Spark, with the three keys of an application.

    Parameters
    ----------
    host : Host
    """

    no_pictures = "config.no_images_spark"
    anywhere = "wss://played.invalid/chat"
    listed = tuple(Model(version.name, f"Spark {version.title}") for version in VERSIONS)

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        app_id, api_key, api_secret = map(credentials.get, ("app_id", "api_key", "api_secret"))
        if app_id is None or api_key is None or api_secret is None:
            missing = [field for field in self.fields if field.name not in credentials]
            raise fail(
                "config.no_key",
                provider=self.name,
                label=self.label,
                missing=", ".join(field.name for field in missing),
                env=", ".join(name for field in missing for name in field.env),
                page=self.key_page,
            )
        url, domain, version = self._place(chat)
        body = envelope(chat, app_id.reveal(), domain, version, self.name)
        thinks = (version is not None and version.thinks) or "thinking" in chat.options
        return WireRequest(
            "websocket",
            url=secret_url(url, api_key, api_secret, time.time()),
            body=encoded(body),
            slow_start=thinks or version is None,
            allow_insecure=chat.allow_insecure,
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        return spark_events(self.host, frames)

    def refused(self, response: WireResponse) -> NbstreamError:
        return refused(self.host, response)

    def check_model(self, model: str, base_url: str | None) -> None:
        self._place(ChatRequest((), model, base_url=base_url, allow_insecure=True))

    def _place(self, chat: ChatRequest) -> tuple[str, str, Version | None]:
        """Address, domain word and version.

        An address with a path is the user's own choice, and any word may go there (a fine-tuned model is
        asked by the id of its service). Otherwise the model decides the path, and word and path must match.
        """
        model = chat.model or self.default_model
        version = known(model)
        domain = chat.options.get("domain") or word(model)
        if chat.base_url:
            if not chat.base_url.strip().lower().startswith(("ws://", "wss://")):
                raise fail("config.spark_address", provider=self.name, given=plain(clean(chat.base_url, 200)))
            parts = checked(chat.base_url, self.host, schemes=("wss", "ws"), insecure=chat.allow_insecure)
            if path := parts.path.rstrip("/"):
                url = urlunsplit(parts._replace(path=path, fragment=""))
                return url, str(domain), known(str(domain))
        if version is None:
            near = nearest(model)
            raise fail("config.spark_model", provider=self.name, model=clean(model, 80),
                       known=", ".join(one.shown for one in VERSIONS),
                       nearest=near.name if near else self.default_model)  # fmt: skip
        if domain not in version.domains:
            raise fail("config.spark_pair", provider=self.name, domain=clean(str(domain), 80),
                       model=version.shown, known=", ".join(version.domains))  # fmt: skip
        if chat.base_url:
            return urlunsplit(parts._replace(path=version.path, fragment="")), str(domain), version
        return f"wss://{version.host}{version.path}", str(domain), version
