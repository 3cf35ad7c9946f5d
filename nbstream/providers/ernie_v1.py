"""Baidu ERNIE by the V1 interface (Wenxin Workshop). Baidu's own ended on 2026-08-31; gateways live on.

The model is a word in the path, the token stands in the query, errors come with HTTP 200, and the end is
``is_end``: the word ``normal`` in `finish_reason` stands in every frame.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import ChatRequest, Event, Message
from ..wire.address import shown
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from . import bce
from .addresses import checked, endpoint
from .base import HostProvider, Model
from .ernie import REQUEST_ID
from .ernie_codes import DEAD_TOKEN, PATHS, label_of, path_name
from .ernie_turns import orderly, system_of
from .ernie_v1_stream import Reading, told_as, told_v1
from .parsing import documents
from .refusals import Told, clean, from_response
from .toolcalls import answered, arguments_text

TOKEN_PATH = "/oauth/2.0/token"
LONGEST = 1e9
UNSAID = 3600.0
"""Seconds that a token is taken to live where `expires_in` says nothing."""
_WHOLE = re.compile(r"(wenxinworkshop)?/chat/([^/?]+)/?(?:\?|$)")
"""An address that holds the model already: it is used as it is."""
ALIVE = ("rate_limit", "context_length", "content_filter", "interrupted", "quota_exhausted")
"""Kinds of errors that only a service can have which still answers."""


class ErnieV1(HostProvider):
    """The V1 interface, with an OAuth token or a signature."""

    whole = True
    listed = tuple(Model(path, label_of(path)) for path in PATHS)  # the service itself cannot be asked

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        body: dict[str, Any] = {"messages": _messages(chat.messages), "stream": chat.stream}
        if system := system_of(chat.system, chat.messages):
            body["system"] = system
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        if chat.max_tokens is not None:
            body["max_output_tokens"] = chat.max_tokens
        if chat.tools:
            body["functions"] = [tool.get("function", tool) for tool in chat.tools]
        body |= {name: value for name, value in chat.options.items() if name != "token_url"}
        _check_temperature(body.get("temperature"), self.name)
        url = self._url(chat)
        headers: dict[str, str | Secret] = {"Content-Type": "application/json"}
        address: str | Secret = url
        if access_key := credentials.get("access_key"):
            headers |= _signed(url, access_key, credentials.get("secret_key") or Secret(""))
        elif token := credentials.get("token"):
            joint = "&" if urlsplit(url).query else "?"
            address = Secret(
                f"{url}{joint}access_token={quote(token.reveal(), safe='')}", parts=(token.reveal(),)
            )
        return WireRequest(
            "sse",
            url=address,
            headers=headers | {"Accept": "text/event-stream" if chat.stream else "application/json"},
            body=encoded(body),
            slow_start=bool(re.search(self.host.slow, chat.model, re.I)) or not chat.stream,
            allow_insecure=chat.allow_insecure,
        )

    def _url(self, chat: ChatRequest) -> str:
        name = path_name(chat.model or self.default_model)
        base = chat.base_url or self.base_url
        if (found := _WHOLE.search(base)) and (found[1] or found[2] in PATHS):
            return urlunsplit(checked(base, self.host, insecure=chat.allow_insecure))
        path = f"/chat/{quote(name, safe='', errors='replace')}"
        return endpoint(base, self.host, path, known=("/chat",), insecure=chat.allow_insecure)

    # --- the stream -----------------------------------------------------------------------------------

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        answer = Reading(self.host)
        for frame in frames:
            for one in documents(frame):
                answer.reads(one)
                yield from answer.events()
                if answer.ended:
                    return
            yield None

    def refused(self, response: WireResponse) -> NbstreamError:
        headers = response.headers

        def read(data: Any) -> Told | None:
            code = headers.get("x-bce-error-code")  # from the gateway that checks signatures
            return told_v1(data, whole=True) or (
                told_as(code, headers.get("x-bce-error-message")) if code else None
            )

        error = from_response(self.host, response, read)
        error.request_id = headers.get(REQUEST_ID) or headers.get("x-bce-request-id") or error.request_id
        return error

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        """Nothing to change; but only here is it known what was asked: Baidu's own V1, which has ended."""
        url = request.url.reveal() if isinstance(request.url, Secret) else request.url
        if shown(url) == shown(self.base_url) and error.kind not in ALIVE:
            error.why = f"{error.why} {t('refusal.ernie_v1_ended.why')}".strip()
            if error.kind not in ("connection", "timeout"):  # those may be the network's
                error.fix = t("refusal.ernie_v1_ended.fix")
        return None

    # --- the token ------------------------------------------------------------------------------------

    def token_request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest | None:
        key, secret = credentials.get("api_key"), credentials.get("secret_key")
        if credentials.get("access_key") or not key or not secret:
            return None
        given = chat.options.get("token_url")
        base = checked(str(given or chat.base_url or self.base_url), self.host, insecure=chat.allow_insecure)
        place = base if given else base._replace(path=TOKEN_PATH, query="")
        asked = {
            "grant_type": "client_credentials",
            "client_id": key.reveal(),
            "client_secret": secret.reveal(),
        }
        query = "&".join(filter(None, [place.query, urlencode(asked, quote_via=quote)]))
        return WireRequest(
            "json",
            url=Secret(urlunsplit(place._replace(query=query)), parts=(key.reveal(), secret.reveal())),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            allow_insecure=chat.allow_insecure,
        )

    def token(self, response: WireResponse) -> tuple[Secret, float]:
        data = _mapping(response.text)
        token, seconds = data.get("access_token"), data.get("expires_in")
        if isinstance(token, str) and token.strip():
            said = float(seconds) if isinstance(seconds, (int, float)) and 0 <= seconds <= LONGEST else None
            return Secret(token.strip()), UNSAID if said is None else said
        word = data.get("error")
        # A gateway in trouble says so in the same shape: there the status counts, and no key is to blame.
        if isinstance(word, str) and word and response.status in (*range(200, 300), 400, 401, 403):
            raise self._no_token(word, data.get("error_description"), response)
        page = response.text.lstrip().startswith("<")
        if response.status < 300 and not page and told_v1(data, whole=True) is None:
            # The names in it, and not what it holds: where a token should be, other secrets are.
            names = ", ".join(sorted(clean(str(name), 40) for name in data)[:10]) or "—"
            raise fail("protocol.no_token", provider=self.name, label=self.label, names=names)
        raise self.refused(response)

    def _no_token(self, word: str, description: Any, response: WireResponse) -> NbstreamError:
        """The error for ``{"error": …, "error_description": …}``: which of the two keys is wrong."""
        message = clean(description if isinstance(description, str) else word)
        case = "auth.service"
        if re.search("unknown client", message, re.I):
            case = "auth.ernie_client"
        elif re.search("client authentication failed", message, re.I):
            case = "auth.ernie_secret"
        return fail(
            case,
            provider=self.name,
            status=response.status if response.status >= 400 else None,
            code=clean(word, 100),
            request_id=response.headers.get(REQUEST_ID),
            label=self.label,
            message=message,
            key_page=self.key_page,
        )

    def token_refused(self, error: NbstreamError) -> bool:
        return error.kind == "auth" and error.code in DEAD_TOKEN


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """The conversation in V1's words: `function` for a tool's answer, one call in a message."""
    out: list[dict[str, Any]] = []
    ordered = tuple(orderly(messages))
    answers = answered(ordered)
    for position, message in enumerate(ordered):
        one: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.role == "tool":
            name = answers[position][1].name if position in answers else "function"
            one |= {"role": "function", "name": name}
        elif message.tool_calls:
            call = message.tool_calls[0]
            one["function_call"] = {"name": call.name, "arguments": arguments_text(call)}
        last = out[-1] if out else None
        if last and (last["role"] == "assistant") == (one["role"] == "assistant"):
            # Two on one side break the order: as one they keep it. A user's word outweighs a function's.
            role = last["role"] if last["role"] == one["role"] else "user"
            content = "\n\n".join(filter(None, [last["content"], one["content"]]))
            out[-1] = one | last | {"role": role, "content": content}
            if role == "user":
                out[-1].pop("name", None)
        else:
            out.append(one)
    return out


def _signed(url: str, access_key: Secret, secret_key: Secret) -> dict[str, str | Secret]:
    """The headers of a signed request; what is signed is all of them."""
    now = time.time()
    signed = {"Host": bce.host_of(url), "Content-Type": "application/json", "x-bce-date": bce.stamp(now)}
    return {**signed, "Authorization": bce.authorization(access_key, secret_key, "POST", url, signed, now)}


def _check_temperature(value: Any, provider: str) -> None:
    if type(value) in (int, float) and not 0 < value <= 1:
        raise fail(
            "config.ernie_temperature",
            provider=provider,
            given=f"{value:g}",
            near="0.01" if value <= 0 else "1",
        )


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, Mapping) else {}
