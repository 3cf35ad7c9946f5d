"""What a chat-completions service says when it refuses, as one of our errors.

The bodies come in many shapes, and the same fact has many names: tables first, then the wording, then
the HTTP status.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from ..errors import NbstreamError, fail
from ..i18n import t
from ..wire.plain import clean as clean
from ..wire.request import WireResponse
from .host import Host

KINDS_BY_CODE = {
    code: kind
    for kind, codes in {
        "auth": "invalid_api_key authentication_error invalid_authentication unauthorized token_expired",
        "permission": "permission_denied permission_error access_denied forbidden model_access_denied"
        " unsupported_country_region_territory",
        "quota_exhausted": "insufficient_quota insufficient_user_quota insufficient_balance"
        " billing_hard_limit_reached billing_not_active pre_consume_token_quota_failed",
        "rate_limit": "rate_limit_exceeded rate_limit_error rate_limited too_many_requests ratelimiterror",
        "overloaded": "overloaded overloaded_error server_overloaded service_unavailable"
        " serviceunavailableerror engine_overloaded",
        "server_error": "server_error internal_error internalservererror internal_server_error api_error"
        " bad_gateway upstream_error",
        "not_found": "model_not_found not_found not_found_error notfounderror model_not_exist",
        "context_length": "context_length_exceeded context_window_exceeded exceed_context_size_error"
        " string_above_max_length request_too_large",
        "content_filter": "content_filter content_policy_violation responsibleaipolicyviolation sensitive"
        " moderation_blocked",
        "timeout": "timeout timeout_error request_timeout",
    }.items()
    for code in codes.split()
}
"""Words that services use in ``code`` or ``type``, whatever the status that goes with them."""

KINDS_BY_STATUS = {
    401: "auth",
    402: "quota_exhausted",
    403: "permission",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    413: "context_length",
    429: "rate_limit",
    498: "overloaded",
    503: "overloaded",
    529: "overloaded",
}

WORDINGS = (  # only believed where the status leaves room for them
    (
        re.compile(
            r"context (length|window|size)|maximum context|prompt is too long|too many (input )?tokens"
            r"|model token limit|input length|exceeds the maximum number of tokens"
            r"|上下文长度|输入过长|超过.{0,8}(长度|token)",
            re.I,
        ),
        "context_length",
        (None, 400, 413, 422, 500),
    ),
    (
        re.compile(
            r"insufficient (quota|balance|fund|credit)|exceeded your current quota"
            r"|credit balance is too low|余额不足|欠费|额度不足",
            re.I,
        ),
        "quota_exhausted",
        (None, 400, 402, 403, 429),
    ),
)

_PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body)\b[^>]*>", re.I)
REQUEST_IDS = ("x-request-id", "request-id", "x-generation-id", "x-ds-trace-id", "x-log-id", "cf-ray")


class Told(NamedTuple):
    """An error as the service put it."""

    message: str
    code: str | None
    words: tuple[str, ...]
    """`code` and ``type`` in lower case."""
    request_id: str | None


def told(data: Any, *, strict: bool = False) -> Told | None:
    """The error in a parsed body, or None if it holds none.

    With `strict` a mere ``message`` is not enough: a stream may hold objects of which we know nothing.
    """
    if isinstance(data, list):
        data = data[0] if data else None
    if not isinstance(data, Mapping):
        return None
    inner = data.get("error")
    outer_id = data.get("request_id") or data.get("sid")
    if isinstance(inner, Mapping):
        metadata = inner.get("metadata")
        raw = (
            metadata.get("raw") if isinstance(metadata, Mapping) else None
        )  # OpenRouter: the upstream's words
        message = _text(inner.get("message") or inner.get("msg") or inner)
        if isinstance(raw, str) and raw not in message:
            message = f"{message} ({raw})"
        return _told(message, inner.get("code"), inner.get("type"), inner.get("request_id") or outer_id)
    if inner:
        return _told(_text(inner), data.get("code"), data.get("type"), outer_id)
    if detail := data.get("detail"):  # FastAPI: text, or a list of {"loc", "msg"}
        return _told(_detail(detail), data.get("code"), data.get("type"), outer_id)
    said, code = data.get("message") or data.get("msg"), data.get("code")
    named = data.get("object") == "error" or (code not in (None, 0, "0", "", 200, "200"))
    if isinstance(said, str) and said and (named or not strict):
        return _told(said, code, data.get("type"), outer_id)
    return None


def _told(message: str, code: Any, type_: Any, request_id: Any) -> Told:
    words = tuple(str(word).lower() for word in (code, type_) if isinstance(word, (str, int)) and word != "")
    shown = code if isinstance(code, (str, int)) and code != "" else type_
    return Told(
        clean(message),
        clean(str(shown), 100) if isinstance(shown, (str, int)) else None,
        words,
        clean(request_id, 100) if isinstance(request_id, str) else None,
    )


def _detail(detail: Any) -> str:
    if not isinstance(detail, list):
        return _text(detail.get("message") or detail) if isinstance(detail, Mapping) else _text(detail)
    lines = []
    for item in detail[:5]:
        if isinstance(item, Mapping) and "msg" in item:
            where = item.get("loc")
            path = ".".join(map(str, where)) if isinstance(where, list) else ""
            lines.append(f"{path}: {item['msg']}" if path else _text(item["msg"]))
        else:
            lines.append(_text(item))
    return "; ".join(lines)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def kind_of(host: Host, status: int | None, error: Told) -> str:
    """Our word for `error`; from a host's own codes also with a case of its own: ``kind.case``."""
    # DashScope's codes are dotted: Throttling.RateQuota
    names = (name for word in error.words for name in (word, word.partition(".")[0]))
    named = next((kind for name in names if (kind := host.codes.get(name) or KINDS_BY_CODE.get(name))), None)
    if named and named != "invalid_request":  # that may be anything: the wording can say what
        return named
    for pattern, kind, statuses in WORDINGS:
        if status in statuses and pattern.search(error.message):
            return kind
    if named:
        return named
    if status is None:  # in mid-stream the code is often what the status would have been
        status = next((int(word) for word in error.words if re.fullmatch("[1-9][0-9][0-9]", word)), None)
    if status is None or status >= 500:
        return KINDS_BY_STATUS.get(status or 0, "server_error")
    return KINDS_BY_STATUS.get(status, "invalid_request")


def refusal(
    host: Host,
    error: Told,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> NbstreamError:
    """`error` as an `NbstreamError`; without `status` it came inside a stream."""
    headers = headers or {}
    kind = kind_of(host, status, error)
    failure = fail(
        kind if "." in kind else f"{kind}.service",
        provider=host.name,
        status=status,
        code=error.code,
        retry_after=retry_after(headers),
        request_id=error.request_id
        or next((clean(headers[name], 100) for name in REQUEST_IDS if headers.get(name)), None),
        label=host.label,
        message=numbered(error.code, error.message) or t("refusal.silent", status=status or ""),
        key_page=host.key_page or host.base_url,
    )
    if (again := headers.get("x-should-retry", "").strip().lower()) in ("true", "false"):
        failure.retryable = again == "true"  # Anthropic's and OpenAI's: they know better than our tables
    return failure


def numbered(code: str | None, message: str) -> str:
    """The service's words, behind its own number for them: that is what its documentation goes by.

    >>> numbered("11200", "AppIdNoAuthError"), numbered(None, "no"), numbered("e", "")
    ('11200 · AppIdNoAuthError', 'no', 'e')
    """
    if not code or code.lower() in message.lower():
        return message
    return f"{code} · {message}" if message else code


def from_response(
    host: Host, response: WireResponse, read: Callable[[Any], Told | None] = told
) -> NbstreamError:
    """The error for a response that is not the stream that was asked for; `read` finds it in a body."""
    text = response.text.strip()
    if 300 <= response.status < 400:
        location = clean(response.headers.get("location", "?"), 200)
        return fail(
            "protocol.redirected",
            provider=host.name,
            status=response.status,
            label=host.label,
            location=location,
        )
    if is_web_page(response):
        return _web_page(host, response, text)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    error = read(data)
    if error is None and response.status < 400:
        return no_answer(host, text, status=response.status)
    if error is None:
        error = _told(text, None, None, None)
    # A JSON error with HTTP 200 says nothing by its status.
    status = response.status if response.status >= 400 else None
    return refusal(host, error, status=status, headers=response.headers)


def is_web_page(response: WireResponse) -> bool:
    """Whether a proxy or a web server has answered, with a page for people."""
    text = response.text.lstrip("\ufeff").lstrip()
    if text.startswith("<") or "html" in response.headers.get("content-type", "").lower():
        return True
    return not text.startswith(("{", "[", '"')) and _PAGE.search(text) is not None


def title_of(page: str) -> str:
    """The title of a web page, "" if it has none."""
    found = re.search(r"<title[^>]*>(.*?)</title>", page, re.I | re.S)
    return found.group(1) if found else ""


def _web_page(host: Host, response: WireResponse, text: str) -> NbstreamError:
    title = clean(title_of(text), 100) or f"HTTP {response.status}"
    if response.status >= 400:  # a proxy's page: the status is still worth something
        error = _told(t("refusal.web_page", title=title), None, None, None)
        return refusal(host, error, status=response.status, headers=response.headers)
    return fail(
        "protocol.web_page", provider=host.name, status=response.status, label=host.label, title=title
    )


def unparsable(host: Host, text: str) -> NbstreamError:
    """The error for a frame that is not JSON; it keeps the text."""
    return fail("protocol.unparsable", provider=host.name, label=host.label, text=clean(text))


def no_answer(host: Host, text: str, status: int | None = None) -> NbstreamError:
    """The error for JSON that is neither an answer nor an error."""
    return fail("protocol.no_answer", provider=host.name, status=status, label=host.label, text=clean(text))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the service asks to wait: ``retry-after-ms``, or ``Retry-After`` in either form.

    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after-ms": "250"}), retry_after({})
    (7.0, 0.25, None)
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if 0 <= seconds < 1e9:
            return seconds
    try:
        then = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    try:  # the server's own clock, where it tells: ours may be wrong
        now = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        now = time.time()
    return max(0.0, then - now)
