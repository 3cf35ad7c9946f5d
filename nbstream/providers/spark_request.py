"""A chat request in Spark's envelope: header, parameter.chat and payload, checked before it is sent.

The service answers a value out of range with a code and no word on what would do: said here instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import ChatRequest, Message
from .spark_models import X_ONLY, Version
from .toolcalls import answered

LONGEST_UID = 32
TOP_K = 6
IN_HEADER = ("uid", "patch_id")


def envelope(
    chat: ChatRequest, app_id: str, domain: str, version: Version | None, provider: str
) -> dict[str, Any]:
    """The first and only message of a connection. `version` is None for a service of the user's own."""
    options = dict(chat.options)
    header: dict[str, Any] = {"app_id": app_id}
    for name in IN_HEADER:
        if (value := options.pop(name, None)) is not None:
            header[name] = value
    if isinstance(header.get("patch_id"), str):
        header["patch_id"] = [header["patch_id"]]
    uid = header.get("uid", "")
    if not (isinstance(uid, str) and len(uid) <= LONGEST_UID):
        raise _refused(provider, "uid", uid, t("wanted.text", most=LONGEST_UID))
    functions = options.pop("functions", None) or [_function(one) for one in chat.tools if not _search(one)]
    searches = [one for one in chat.tools if _search(one)]
    parameters: dict[str, Any] = {"domain": domain}
    if chat.temperature is not None:
        parameters["temperature"] = chat.temperature
    if chat.max_tokens is not None:
        parameters["max_tokens"] = chat.max_tokens
    if searches:
        parameters["tools"] = searches
    parameters |= options
    check(parameters, version, provider)
    payload: dict[str, Any] = {
        "message": {"text": texts(chat, folds=version is not None and not version.system)}
    }
    if functions:
        payload["functions"] = functions if isinstance(functions, Mapping) else {"text": functions}
    return {"header": header, "parameter": {"chat": parameters}, "payload": payload}


def check(parameters: Mapping[str, Any], version: Version | None, provider: str) -> None:
    """Refuse what `version` has no range for. Raises `NbstreamError` (config)."""
    hottest = version.hottest if version is not None else 2.0
    name = version.shown if version is not None else str(parameters.get("domain") or parameters.get("model"))

    def refuse(parameter: str, good: Callable[[Any], bool], wanted: str) -> None:
        value = parameters.get(parameter)
        if value is not None and not good(value):
            raise _refused(provider, parameter, value, wanted, name)

    refuse(
        "temperature", lambda it: _number(it) and 0 < it <= hottest, t("wanted.above", most=f"{hottest:g}")
    )
    refuse("top_k", lambda it: type(it) is int and 1 <= it <= TOP_K, t("wanted.whole", least=1, most=TOP_K))
    most = version.longest if version is not None else None
    if most is None:
        refuse("max_tokens", lambda it: type(it) is int and it > 0, t("wanted.positive"))
    else:
        refuse(
            "max_tokens",
            lambda it: type(it) is int and 1 <= it <= most,
            t("wanted.whole", least=1, most=most),
        )
    for parameter in X_ONLY:
        if version is not None and not version.thinks:
            if parameters.get(parameter) is not None:
                raise fail("config.spark_x_only", provider=provider, name=parameter, model=name)
        elif parameter.endswith("penalty"):
            refuse(parameter, lambda it: _number(it) and it >= 0, t("wanted.not_negative"))


def texts(chat: ChatRequest, *, folds: bool) -> list[dict[str, str]]:
    """The messages: at most one of the system, first; nothing empty; the user's first and last.

    Where the model knows no role ``system`` (`folds`), its words stand ahead of the first question.
    There is no role for what a function gave back either: call and result are told as text.
    """
    system = [chat.system] if chat.system else []
    out: list[dict[str, str]] = []
    answers = answered(chat.messages)
    for position, message in enumerate(chat.messages):
        if message.role == "system" and not out:
            system.append(message.content)
            continue
        content = _content(message, answers[position][1].name if position in answers else "")
        if content.strip():
            out.append({"role": "assistant" if message.role == "assistant" else "user", "content": content})
    while out and out[0]["role"] == "assistant":
        del out[0]  # a conversation begins with a question
    if out and out[-1]["role"] == "assistant":
        out.append({"role": "user", "content": t("prompt.go_on")})
    if not out:
        raise fail("config.empty_prompt")
    first = "\n\n".join(one for one in system if one.strip())
    if first and folds and out and out[0]["role"] == "user":
        out[0]["content"] = f"{first}\n\n{out[0]['content']}"
    elif first:
        out.insert(0, {"role": "user" if folds else "system", "content": first})
    return out


def _content(message: Message, called: str) -> str:
    if message.role == "tool":
        return f"{called or message.tool_call_id or 'function'}: {message.content}"
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(filter(None, [message.content, *calls]))


def _function(tool: Mapping[str, Any]) -> Any:
    """A function without the wrapper that chat completions have around it."""
    return tool["function"] if tool.get("type") == "function" and "function" in tool else tool


def _search(tool: Mapping[str, Any]) -> bool:
    return tool.get("type") == "web_search"


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _refused(provider: str, name: str, value: Any, wanted: str, model: str = "") -> NbstreamError:
    given = f"{value:g}" if _number(value) else str(value)[:40]
    facts: dict[str, Any] = {"given": given, "wanted": wanted, "model": model or "Spark"}
    if name != "temperature":
        return fail("config.spark_option", provider=provider, name=name, **facts)
    near = "0.1" if _number(value) and value <= 0 else "1"
    return fail("config.spark_temperature", provider=provider, near=near, **facts)
