"""Spark's second protocol: chat completions over HTTP, with an accent of its own.

The codes are those of the WebSocket, as strings or numbers, also flat in a stream that began well; the
status says nothing. There is no finish reason: ``[DONE]`` is the end. A tool call may be one object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from ..credentials import Credentials, Secret
from ..errors import NbstreamError
from ..i18n import t
from ..messages import ChatRequest, Event, Retract
from ..wire.request import Frame, WireRequest, WireResponse
from .base import Model
from .chunks import chat_events
from .host import Host
from .openai import OpenAICompatible
from .refusals import told
from .spark_codes import WITHDRAWS
from .spark_models import VERSIONS, known, word
from .spark_refusals import failure, refused
from .spark_request import check

PLACES: dict[str, tuple[str, str]] = {
    # The same word means another model on another path: the path decides. [doc, 3p]
    "x1": ("https://spark-api-open.xf-yun.com/v2", "spark-x"),  # X1.5; its word was "x1" in 2025
    "x1-preview": ("https://spark-api-open-preview.xf-yun.com/v2", "x1-preview"),
    "x2": ("https://spark-api-open.xf-yun.com/x2", "spark-x"),
    "x2-flash": ("https://spark-api-open.xf-yun.com/agent/v1", "spark-x"),
    "spark-x": ("https://spark-api-open.xf-yun.com/x2", "spark-x"),
}
"""Address and word of the models that are not at the host's usual place."""
WEBSOCKET_ONLY = ("generalv2", "kjwx")


class SparkHTTP(OpenAICompatible):
    """Spark's OpenAI-style endpoints.

    Parameters
    ----------
    host : Host
    """

    no_pictures = "config.no_images_spark"
    listed = tuple(
        [Model(one.name, f"Spark {one.title}") for one in VERSIONS if one.name not in WEBSOCKET_ONLY]
        + [Model("x2-flash", "Spark X2-Flash"), Model("x1-preview", "Spark X1 Preview")]
    )

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        model = chat.model or self.default_model
        base, name = PLACES.get(model.strip().lower(), (self.base_url, word(model)))
        given = {"temperature": chat.temperature, "max_tokens": chat.max_tokens}
        check({**given, **chat.options, "model": model}, known(model), self.name)
        options = dict(chat.options)
        if chat.tools:
            options.setdefault("tool_calls_switch", True)  # an array of calls, as everywhere else [doc]
        return super().request(
            replace(chat, model=name, base_url=_address(chat.base_url, base), options=options), credentials
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        try:
            yield from chat_events(self.host, _standard(self.host, frames))
        except NbstreamError as error:
            if error.code == WITHDRAWS:
                yield Retract(t("note.withdrawn"))
            raise

    def refused(self, response: WireResponse) -> NbstreamError:
        return refused(self.host, response)

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        return super().models_request(credentials, base_url) if base_url else None

    def _headers(self, credentials: Credentials, accept: str) -> dict[str, str | Secret]:
        headers: dict[str, str | Secret] = {"Accept": accept}
        key, secret = credentials.get("api_key"), credentials.get("api_secret")
        if password := credentials.get("api_password"):
            headers["Authorization"] = password.wrap("Bearer {}")
        elif key and secret:
            headers["Authorization"] = key.wrap("Bearer {}:{}", secret)
        return headers


def _address(given: str | None, base: str) -> str:
    """The user's address; one without a path gets that of the model's usual place."""
    if not given:
        return base
    try:
        bare = not urlsplit(given.strip()).path.strip("/")
    except ValueError:
        bare = False
    return given.strip().rstrip("/") + urlsplit(base).path if bare and "?" not in given else given


def _standard(host: Host, frames: Iterator[Frame]) -> Iterator[Frame]:
    """`frames` as other hosts would have sent them. Raises the error that one of them holds."""
    for frame in frames:
        text = frame.data
        if '"tool_calls"' in text or '"error"' in text or '"choices"' not in text:
            frame = _mended(host, frame)
        yield frame


def _mended(host: Host, frame: Frame) -> Frame:
    try:
        data = json.loads(frame.data)
    except (ValueError, RecursionError):
        return frame
    if not isinstance(data, Mapping):
        return frame
    error = told(data, strict=True)
    if error is not None and not data.get("choices"):
        sid = error.request_id or data.get("Sid")
        if (error.code or "").isdigit():
            raise failure(host, error.code, error.message, sid)
    changed = False
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        for name in ("delta", "message"):
            said = choice.get(name) if isinstance(choice, Mapping) else None
            if isinstance(said, dict) and isinstance(said.get("tool_calls"), Mapping):
                said["tool_calls"] = [said["tool_calls"]]
                changed = True
    return Frame(json.dumps(data), frame.event) if changed else frame
