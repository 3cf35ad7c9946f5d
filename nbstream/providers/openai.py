"""Any service that speaks OpenAI's chat completions, made from one row of ``hosts.py``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import ChatRequest, Event, Message
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from .addresses import endpoint, plain
from .attached import chat_content
from .base import HostProvider, Model
from .chunks import chat_events
from .prefill import THINKING_OPTIONS, begun
from .refusals import clean, from_response, no_answer
from .structured import response_format, without
from .toolcalls import answered, arguments_text, call_ids

ENDPOINT = "/chat/completions"


class OpenAICompatible(HostProvider):
    """One chat-completions host.

    Parameters
    ----------
    host : Host
    """

    no_pictures: str | None = None
    whole = True

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        model = chat.model or self.default_model
        if not model:
            raise fail("config.no_model", provider=self.name, label=self.label)
        body: dict[str, Any] = {"model": model, "messages": self._messages(chat), "stream": chat.stream}
        if self.host.usage_option:
            body["stream_options"] = {"include_usage": True}
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        if chat.max_tokens is not None:
            renamed = re.search(self.host.renames_max_tokens, model)
            body["max_completion_tokens" if renamed else "max_tokens"] = chat.max_tokens
        if chat.tools:
            body["tools"] = [as_tool(tool) for tool in chat.tools]
        prefill = self.prefill(chat) if begun(chat) else None
        if prefill is not None:
            last = chat.messages[-1]
            thought = {"reasoning_content": last.reasoning} if prefill.reasoning and last.reasoning else {}
            body["messages"][-1] |= dict(prefill.message) | thought
            body |= prefill.body
        form = None if chat.schema is None else response_format(chat.schema, self.host.structured)
        if form is not None and "response_format" not in chat.options:
            body["response_format"] = form
        body |= chat.options
        if body.get("stream") is not True and "stream_options" not in chat.options:
            body.pop("stream_options", None)
        slow = re.search(self.host.slow, model, re.I) or any(name in body for name in THINKING_OPTIONS)
        accept = "text/event-stream" if chat.stream else "application/json"
        return WireRequest(
            "sse",
            url=endpoint(
                (prefill.address if prefill else "") or chat.base_url or self.base_url,
                self.host,
                ENDPOINT,
                known=(ENDPOINT,),
                insecure=chat.allow_insecure,
            ),
            headers=self._headers(credentials, accept) | {"Content-Type": "application/json"},
            # Lone surrogates (a prompt cut in half) cannot be sent as UTF-8: as escapes they can.
            body=encoded(body),
            slow_start=bool(slow) or not chat.stream,
            allow_insecure=chat.allow_insecure,
            dispensable=("response_format",) if body.get("response_format") is form is not None else (),
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        return chat_events(self.host, frames)

    def refused(self, response: WireResponse) -> NbstreamError:
        return from_response(self.host, response)

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        """Once more without what a 400 named: ``stream_options``, ``max_tokens`` by its old name, no stream;
        or the form.

        The form is what promises JSON; words ask for it as well.
        """
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return None
        if error.kind == "not_found":
            # Only here request and refusal meet: say what was asked of whom.
            asked = dict(model=clean(str(body.get("model")), 100), url=plain(request.url, ENDPOINT))
            error.fix = t("refusal.not_found.fix", provider=self.name, **asked)
        if error.status not in (400, 422):
            return without(request, error)
        if "stream_options" in body and re.search("stream_options|include_usage", error.why):
            del body["stream_options"]
        elif "max_tokens" in body and "max_completion_tokens" in error.why:
            body["max_completion_tokens"] = body.pop("max_tokens")
        elif body.get("stream") is False and re.search("stream", error.why, re.I):
            body["stream"] = True  # a model that only streams: what comes is held back
        else:
            return without(request, error)
        return replace(request, body=encoded(body))

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        # Nobody can allow plain http here, so the key stays at home.
        url = endpoint(base_url or self.base_url, self.host, "/models", known=(ENDPOINT,))
        return WireRequest(
            "json", url=url, method="GET", headers=self._headers(credentials, "application/json")
        )

    def models(self, response: WireResponse) -> list[Model]:
        if response.status >= 300:
            raise self.refused(response)
        try:
            data = json.loads(response.text)
        except (ValueError, RecursionError):
            raise self.refused(response) from None
        # {"data": [...]} nearly everywhere; a bare list, or {"models": [...]}, in a few places.
        listed = (data.get("data") or data.get("models")) if isinstance(data, Mapping) else data
        if not isinstance(listed, list):
            if isinstance(data, Mapping) and data.get("data", "") in (None, []):
                return []
            raise no_answer(self.host, response.text, status=response.status)
        found = []
        for item in listed:
            name = item.get("id") or item.get("name") if isinstance(item, Mapping) else item
            label = item.get("display_name") or item.get("name") if isinstance(item, Mapping) else ""
            if isinstance(name, str) and name:
                found.append(Model(name, label if isinstance(label, str) and label != name else ""))
        return sorted(found, key=lambda model: model.name)

    def _headers(self, credentials: Credentials, accept: str) -> dict[str, str | Secret]:
        headers: dict[str, str | Secret] = {"Accept": accept}
        if key := credentials.get("api_key"):
            headers["Authorization"] = key.wrap("Bearer {}")
        return headers

    def _messages(self, chat: ChatRequest) -> list[dict[str, Any]]:
        system = [{"role": "system", "content": chat.system}] if chat.system else []
        ids, answers = call_ids(chat.messages, self.host.call_id), answered(chat.messages)
        out, number = [], 0
        for position, message in enumerate(chat.messages):
            last = number + len(message.tool_calls)
            made = self._message(message, ids[number:last])
            number = last
            if position in answers:
                made["tool_call_id"] = ids[answers[position][0]]
            out.append(made)
        return system + out

    def _message(self, message: Message, ids: list[str]) -> dict[str, Any]:
        out: dict[str, Any] = {"role": message.role, "content": chat_content(message)}
        if message.role == "tool":
            out["tool_call_id"] = message.tool_call_id or ""
        if message.tool_calls:
            out["tool_calls"] = [
                {
                    "id": id_,
                    "type": "function",
                    "function": {"name": call.name, "arguments": arguments_text(call)},
                }
                for id_, call in zip(ids, message.tool_calls, strict=True)
            ]
            if not message.content:
                out["content"] = None  # "" beside tool calls is refused by some
            if message.reasoning and self.host.returns_reasoning:
                out["reasoning_content"] = message.reasoning
        return out


def as_tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as the dialect wants it: a bare ``{"name", "description", "parameters"}`` gets its wrapper."""
    return {"type": "function", "function": tool} if "name" in tool and "type" not in tool else tool
