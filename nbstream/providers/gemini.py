"""Gemini's generateContent: the request, and what is refused. ``candidates.py`` reads the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Attachment, ChatRequest, Event, Message, ToolCall
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from .addresses import checked, endpoint, plain
from .attached import base64, images
from .base import HostProvider, Model
from .candidates import candidate_events, gemini_refused
from .parsing import listed, mapping, sequence, word
from .refusals import clean
from .structured import without
from .toolcalls import answered, arguments, function

METHOD, WHOLE = ":streamGenerateContent", ":generateContent"
"""What stands behind a model in the path: for a stream, and for the whole answer at once."""
TOP = {
    *("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent"),
    *("generationConfig", "labels", "serviceTier", "store"),
}
"""Options that stand at the top of the body; all others belong into ``generationConfig``."""
THINKS = re.compile(r"gemini-(2\.5|[3-9]|\d\d)")
"""Models whose thoughts can be had; the others refuse to be asked for them."""
SIGNS = re.compile(r"gemini-(?![12]\b)")
"""Models that refuse a function call in the history without the signature that came with it. All but the old
ones: ``gemini-flash-latest`` is as new as any."""
UNSIGNED = "skip_thought_signature_validator"
"""What stands for it where there is none, since another model made the call. [doc: thought signatures]"""
SCHEMA = {
    *("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties"),
    *("required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf"),
    *("propertyOrdering", "default", "items", "minimum", "maximum"),
}
"""What ``parameters`` may hold [doc: Schema]; anything more is refused there, and goes into
``parametersJsonSchema``, which takes all of JSON Schema."""


class Gemini(HostProvider):
    """Google's Gemini, and gateways that speak like it."""

    no_pictures = None
    whole = True
    grace = 30.0  # some that imitate it say STOP with every piece: only the body's end is the end

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        model = chat.model or self.default_model
        if not model:
            raise fail("config.no_model", provider=self.name, label=self.label)
        options = _camel(chat.options)
        model = word(options.pop("model", None)) or model
        body: dict[str, Any] = {"contents": self._contents(chat, strict=bool(SIGNS.search(model)))}
        if system := _system(chat):
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if tools := _tools(chat.tools):
            body["tools"] = tools
        if config := _config(chat, model, options):
            body["generationConfig"] = config
        body |= {name: value for name, value in options.items() if name in TOP - {"generationConfig"}}
        path = _path(model) + (METHOD if chat.stream else WHOLE)
        url = self._url(chat.base_url, path, insecure=chat.allow_insecure)
        thinks = re.search(self.host.slow, model, re.I) or "thinkingConfig" in config
        accept = "text/event-stream" if chat.stream else "application/json"
        return WireRequest(
            "sse",
            url=_plus(url, "alt=sse") if chat.stream else url,
            headers=_headers(credentials, accept) | {"Content-Type": "application/json"},
            body=encoded(body),
            slow_start=bool(thinks) or not chat.stream,
            allow_insecure=chat.allow_insecure,
            dispensable=tuple(f"generationConfig.{name}" for name in _form(chat, options)),
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        return candidate_events(self.host, frames)

    def refused(self, response: WireResponse) -> NbstreamError:
        return gemini_refused(self.host, response)

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        """Once more without asking for thoughts, where the model has none, or without the form for JSON.

        Or with the mark of an unsigned call, where a model looks at signatures that we thought did not.
        """
        if error.kind == "not_found":
            asked, _, method = urlsplit(str(request.url)).path.rpartition("/")[2].rpartition(":")
            facts = dict(model=clean(asked, 100), url=plain(request.url, f"/models/{asked}:{method}"))
            error.fix = t("refusal.not_found.fix", provider=self.name, **facts)
        if error.status == 400 and re.search("thought_?signature", error.why, re.I):
            return _unsigned(request)
        if error.status != 400 or not re.search("thinking|include_?thoughts", error.why, re.I):
            return without(request, error)
        body = json.loads(request.body or b"{}")
        config = mapping(body.get("generationConfig"))
        if config.get("thinkingConfig") != {"includeThoughts": True}:  # somebody's own wish stays
            return without(request, error)
        body["generationConfig"] = {name: config[name] for name in config if name != "thinkingConfig"}
        return replace(request, body=encoded(body))

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        url = _plus(self._url(base_url, "/models"), "pageSize=1000")
        return WireRequest("json", url=url, method="GET", headers=_headers(credentials, "application/json"))

    def models(self, response: WireResponse) -> list[Model]:
        found = []
        for item in listed(self.host, response, "models"):
            methods = item.get("supportedGenerationMethods")
            name = word(item.get("name")).removeprefix("models/")
            if name and (methods is None or "generateContent" in sequence(methods)):
                found.append(Model(name, word(item.get("displayName"))))
        return sorted(found, key=lambda model: model.name)

    def _url(self, base_url: str | None, path: str, *, insecure: bool = False) -> str:
        parts = checked(base_url or self.base_url, self.host, insecure=insecure)
        # The address of one model, pasted whole, is an address too.
        base = urlunsplit(parts._replace(path=re.sub(r"/models(/.*)?$", "", parts.path)))
        return endpoint(base, self.host, path, insecure=insecure)

    def _contents(self, chat: ChatRequest, *, strict: bool) -> list[dict[str, Any]]:
        """User and model in turn; neighbours of one role are one content, as parallel results must be."""
        answers = answered(chat.messages)
        turns: list[tuple[str, list[dict[str, Any]]]] = []
        for position, message in enumerate(chat.messages):
            if message.role == "system":
                continue
            role = "model" if message.role == "assistant" else "user"
            if message.role == "tool":
                _, call = answers.get(position, (0, ToolCall("", message.tool_call_id or "", "")))
                parts = [_result(call, message.content)]
            else:
                parts = [_image(one) for one in images(message)]
                parts += [{"text": message.content}] if message.content else []
                parts += self._calls(message, strict=strict)
            if not parts:
                continue
            if turns and turns[-1][0] == role:
                turns[-1][1].extend(parts)
            else:
                turns.append((role, parts))
        if turns and turns[0][0] == "model":  # a conversation begins with the user's word
            turns.insert(0, ("user", [{"text": "…"}]))
        return [{"role": role, "parts": parts} for role, parts in turns]

    def _calls(self, message: Message, *, strict: bool) -> list[dict[str, Any]]:
        """Function calls, each with the signature that came with it, unchanged."""
        if not message.tool_calls:
            return []
        mine = [mapping(one.data) for one in message.opaque if one.provider == self.name]
        signed = {one.get("call"): one.get("thoughtSignature") for one in mine}
        if strict:  # the first of parallel calls is the one that is looked at
            signed.setdefault(0, UNSIGNED)
        # A signature that stood beside text, or alone, has its place before the calls.
        parts: list[dict[str, Any]] = [
            {"text": "", "thoughtSignature": one.get("thoughtSignature")}
            for one in mine
            if one.get("call") is None
        ]
        for number, call in enumerate(message.tool_calls):
            asked = {"name": call.name, "args": arguments(call)} | ({"id": call.id} if call.id else {})
            part: dict[str, Any] = {"functionCall": asked}
            if signed.get(number):
                part["thoughtSignature"] = signed[number]
            parts.append(part)
        return parts


def _unsigned(request: WireRequest) -> WireRequest | None:
    """`request` with its calls marked as unsigned; None if there is nothing to mark."""
    body, marked = json.loads(request.body or b"{}"), False
    for content in sequence(body.get("contents")):
        calls = [part for part in sequence(mapping(content).get("parts")) if "functionCall" in mapping(part)]
        if calls and not calls[0].get("thoughtSignature"):
            calls[0]["thoughtSignature"], marked = UNSIGNED, True
    return replace(request, body=encoded(body)) if marked else None


def _headers(credentials: Credentials, accept: str) -> dict[str, str | Secret]:
    headers: dict[str, str | Secret] = {"Accept": accept}
    if key := credentials.get("api_key"):
        headers["x-goog-api-key"] = key  # not ?key=, which would stand in every log on the way
    return headers


def _path(model: str) -> str:
    """A model's path: ``gemini-x`` and ``models/gemini-x`` are the same; ``tunedModels/x`` is another."""
    name = model if "/" in model else f"models/{model}"
    return "/" + quote(name, safe="/", errors="replace")


def _plus(url: str, query: str) -> str:
    return f"{url}&{query}" if "?" in url else f"{url}?{query}"


def _system(chat: ChatRequest) -> str:
    said = [chat.system, *(message.content for message in chat.messages if message.role == "system")]
    return "\n\n".join(one for one in said if one and one.strip())


def _config(chat: ChatRequest, model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if chat.temperature is not None:
        config["temperature"] = chat.temperature
    if chat.max_tokens is not None:
        config["maxOutputTokens"] = chat.max_tokens
    config |= _form(chat, options)
    config |= _camel(options.get("generationConfig"))
    config |= {name: value for name, value in options.items() if name not in TOP}
    if THINKS.search(model) and config.get("thinkingConfig", {}) is not None:
        config["thinkingConfig"] = {"includeThoughts": True} | _camel(config.get("thinkingConfig"))
    return {name: value for name, value in config.items() if value is not None}


def _form(chat: ChatRequest, options: Mapping[str, Any]) -> dict[str, Any]:
    """What asks for JSON; nothing where somebody asks in their own way."""
    given = {*options, *_camel(options.get("generationConfig"))}
    own = any(name.startswith("response") for name in given)
    if chat.schema is None or own:
        return {}
    form: dict[str, Any] = {"responseMimeType": "application/json"}
    return form | ({"responseJsonSchema": dict(chat.schema)} if chat.schema else {})


def _camel(options: Any) -> dict[str, Any]:
    """Options by the names of the wire: the service, and so its users, also write ``max_output_tokens``."""
    return {
        re.sub("_([a-z])", lambda found: found.group(1).upper(), name): value
        for name, value in mapping(options).items()
    }


def _tools(tools: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Tools as the dialect wants them; those in its own form (``{"googleSearch": {}}``) stay."""
    declared, own = [], []
    for tool in tools:
        found = function(tool)
        if found is None:
            own.append(tool)
            continue
        parameters = found.get("parameters")
        declaration = {name: found[name] for name in ("name", "description") if found.get(name)}
        if isinstance(parameters, Mapping) and parameters.get("properties"):  # an empty object is refused
            declaration["parameters" if _simple(parameters) else "parametersJsonSchema"] = parameters
        declared.append(declaration)
    return [*([{"functionDeclarations": declared}] if declared else []), *own]


def _simple(schema: Any) -> bool:
    """Whether a schema keeps to what ``parameters`` may hold."""
    if not isinstance(schema, Mapping):
        return True
    inside = [*mapping(schema.get("properties")).values(), schema.get("items")]
    inside += sequence(schema.get("anyOf"))
    kind = schema.get("type")
    # A type must be said, of strings alone there may be a choice, and of formats it knows two.
    odd = (
        not ("anyOf" in schema or (isinstance(kind, str) and kind.lower() != "null"))
        or (kind == "array" and not schema.get("items"))
        or not all(isinstance(one, str) for one in sequence(schema.get("enum")))
        or (kind == "string" and schema.get("format", "enum") not in ("enum", "date-time"))
    )
    return SCHEMA.issuperset(schema) and not odd and all(map(_simple, inside))


def _image(image: Attachment) -> dict[str, Any]:
    return {"inlineData": {"mimeType": image.media_type, "data": base64(image)}}


def _result(call: ToolCall, content: str) -> dict[str, Any]:
    """What a function returned: an object, whatever it was."""
    try:
        response = json.loads(content)
    except (ValueError, RecursionError):
        response = content
    response = response if isinstance(response, dict) else {"result": response}
    named: dict[str, Any] = {"id": call.id} if call.id else {}
    return {"functionResponse": named | {"name": call.name, "response": response}}
