"""Ollama's own API: lines of JSON, and no key on one's own machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import (
    ChatRequest,
    Event,
    Finish,
    FinishReason,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from .addresses import endpoint
from .attached import base64, images
from .base import HostProvider, Model
from .parsing import compact, count, listed, mapping, notes_at_end, objects, sequence, word
from .refusals import from_response, no_answer, refusal, told
from .structured import without
from .toolcalls import answered, arguments, function

ENDPOINT = "/api/chat"
ENDS = (ENDPOINT, "/api/generate", "/api/tags", "/api", "/v1")
TOP = {
    *("model", "messages", "stream", "tools", "think", "format", "keep_alive", "options"),
    *("logprobs", "top_logprobs", "truncate", "shift"),
}
"""What stands at the top of the body; all other options are the model's and belong into ``options``."""
FINISHES: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
"""Words for the end; any other (``load``, ``unload``) is ``other`` and shown as it came."""


class Ollama(HostProvider):
    """Ollama, on this machine, on another, or in its cloud."""

    no_pictures = None
    whole = True

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        model = chat.model or self.default_model
        if not model:
            raise fail("config.no_model", provider=self.name, label=self.label)
        body: dict[str, Any] = {"model": model, "messages": _messages(chat), "stream": chat.stream}
        if chat.tools:
            body["tools"] = [
                tool if (found := function(tool)) is None else {"type": "function", "function": found}
                for tool in chat.tools
            ]
        options: dict[str, Any] = {}
        if chat.temperature is not None:
            options["temperature"] = chat.temperature
        if chat.max_tokens is not None:
            options["num_predict"] = chat.max_tokens
        options |= mapping(chat.options.get("options"))
        options |= {name: value for name, value in chat.options.items() if name not in TOP}
        body |= {name: value for name, value in chat.options.items() if name in TOP - {"options"}}
        if options:
            body["options"] = options
        if shaped := chat.schema is not None and "format" not in chat.options:
            body["format"] = chat.schema or "json"
        return WireRequest(
            "ndjson",
            url=self._url(chat.base_url, ENDPOINT, insecure=chat.allow_insecure),
            headers=_headers(credentials, "application/x-ndjson") | {"Content-Type": "application/json"},
            body=encoded(body),
            slow_start=bool(re.search(self.host.slow, model, re.I)) or not chat.stream,
            allow_insecure=chat.allow_insecure,
            dispensable=("format",) if shaped else (),
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        calls, shown = 0, False
        for frame, data in objects(self.host, frames):
            if isinstance(data, Mapping):
                if data.get("error") and (error := told(data)) is not None:
                    raise refusal(self.host, error)
                if not {"message", "response", "done"} & data.keys():
                    raise no_answer(self.host, frame.data)
                message = mapping(data.get("message"))
                # One of them: the second is a stand-in's; what stands outside is /api/generate's.
                thoughts = (message.get("thinking"), message.get("reasoning_content"), data.get("thinking"))
                if thought := next(filter(None, map(word, thoughts)), ""):
                    yield ReasoningDelta(thought)
                if text := word(message.get("content")) or word(data.get("response")):
                    shown = True
                    yield TextDelta(text)
                for call in sequence(message.get("tool_calls")):
                    if isinstance(call, Mapping):
                        yield _call(calls, call)
                        calls += 1
                if data.get("done") is True:
                    yield from _end(data, calls=calls, shown=shown)
                    return
            elif data is not None:
                raise no_answer(self.host, frame.data)
            yield None

    def refused(self, response: WireResponse) -> NbstreamError:
        return from_response(self.host, response)

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        # Only here request and refusal meet: what is missing can be fetched with one line.
        if error.kind == "not_found" and error.status == 404:
            try:
                model = word(json.loads(request.body or b"{}").get("model"))
            except ValueError:
                model = ""
            if re.fullmatch(r"[\w.:/@-]{1,200}", model) and "model" in error.why:
                error.fix = t("refusal.ollama_pull.fix", model=model)
        return without(request, error)

    def explained(self, error: NbstreamError) -> NbstreamError:
        if error.kind == "connection" and error.case == "refused":
            return fail("connection.ollama", provider=self.name, refused=error.what)
        return error

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        url = self._url(base_url, "/api/tags")
        return WireRequest("json", url=url, method="GET", headers=_headers(credentials, "application/json"))

    def models(self, response: WireResponse) -> list[Model]:
        found = []
        for item in listed(self.host, response, "models"):
            if name := word(item.get("name")) or word(item.get("model")):
                size = word(mapping(item.get("details")).get("parameter_size"))
                found.append(Model(name, size))
        return sorted(found, key=lambda model: model.name)

    def _url(self, base_url: str | None, path: str, *, insecure: bool = False) -> str:
        return endpoint(base_url or self.base_url, self.host, path, known=ENDS, insecure=insecure)


def _headers(credentials: Credentials, accept: str) -> dict[str, str | Secret]:
    headers: dict[str, str | Secret] = {"Accept": accept}
    if key := credentials.get("api_key"):
        headers["Authorization"] = key.wrap("Bearer {}")
    return headers


def _messages(chat: ChatRequest) -> list[dict[str, Any]]:
    answers = answered(chat.messages)
    out: list[dict[str, Any]] = [{"role": "system", "content": chat.system}] if chat.system else []
    for position, message in enumerate(chat.messages):
        out.append(_message(message))
        if position in answers:
            out[-1]["tool_name"] = answers[position][1].name
    return out


def _message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role, "content": message.content}
    if found := images(message):
        out["images"] = [base64(one) for one in found]
    if message.role == "tool" and message.tool_call_id:
        out["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        out["tool_calls"] = [
            ({"id": call.id} if call.id else {})
            | {"function": {"name": call.name, "arguments": arguments(call)}}
            for call in message.tool_calls
        ]
        if message.reasoning:  # models that think between calls lose the thread without it
            out["thinking"] = message.reasoning
    return out


def _call(number: int, call: Mapping[str, Any]) -> ToolCallDelta:
    """A tool call: it comes whole, its arguments an object (or text, from what only looks like Ollama)."""
    made = mapping(call.get("function"))
    given = made.get("arguments")
    text = given if isinstance(given, str) and given else compact(mapping(given))
    return ToolCallDelta(number, word(call.get("id")) or None, word(made.get("name")) or None, text)


def _end(data: Mapping[str, Any], *, calls: int, shown: bool) -> Iterator[Event]:
    # Counts are left out where they are zero or come from the cache: unknown, then.
    usage = Usage(count(data, "prompt_eval_count"), count(data, "eval_count"))
    if usage != Usage():
        yield usage
    raw = word(data.get("done_reason"))
    reason = FINISHES.get(raw, "other") if raw else "stop"  # old servers give no reason
    if reason == "stop" and calls:
        reason = "tool_calls"
    yield from notes_at_end(reason, shown=shown or calls > 0)
    yield Finish(reason, raw or None)
