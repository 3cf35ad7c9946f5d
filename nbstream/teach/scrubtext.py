"""Texts without keys, and ids without what they say. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

Hide = Callable[[str], str]
"""Takes out of a text the keys that somebody knows."""
GONE = "…"
LONGEST_WORD = 100

KEY_SHAPES = re.compile(
    r"(?<![\w-])(?:sk-(?=[\w-]*(?:(?=\w*\d)\w{8,}|\w{20,}))[\w-]+|bce-v\d/[^\s\"'<>]+|ALTAK-?\w{12,}"
    r"|2[45]\.[0-9a-f]{32}\.\d+\.\d+\.[\w-]+"  # Baidu's tokens of OAuth
    r"|AIza[\w-]{20,}|(?:hf_|gsk_|r8_|xai-|pplx-|gh[pousr]_)[A-Za-z0-9]{16,}|nvapi-[\w-]{16,}"
    r"|github_pat_\w{16,}|glpat-[\w-]{12,}|(?:xox[a-z]|xapp)-(?=[\w-]*\d)[\w-]{10,}"
    r"|(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{20}:[A-Za-z0-9]{20}(?!\w)"  # Spark's APIPassword
    r"|A[KS]IA[A-Z0-9]{12,}|(?:LTAI|AKID)[A-Za-z0-9]{12,}|ya29\.[\w-]{16,}|eyJ[\w-]{20,}(?:\.[\w-]+)*)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.S,
)
"""What looks like a key of somebody's."""
_SECRETIVE = (
    r"(?:[\w.-]*(?:signature|token|secret|password|passwd|credential|authorization|api[-_]?key|access[-_]?key)"
    r"|sign|sig|auth|key|ak|sk|pwd|appid|app_id|x-amz-[\w-]+|x-goog-[\w-]+|x-bce-[\w-]+|[\w-]*accesskeyid|code)"
)
_PARAMETER = re.compile(rf"([?&;]{_SECRETIVE}=)(?=[^\s&\"'<>#]*\d)[^\s&\"'<>#…]{{8,}}", re.I)
_USER = re.compile(r"(?<=://)[^\s/@\"'<>]+@")
_BEARER = re.compile(r"(\b(Bearer|Basic|Token)\s+)((?=\S*\d)[\w+/=.:~-]{16,})", re.I)
_SIGNED = re.compile(
    r"((?:authorization|signature|api[-_]?key|api[-_]?secret|access[-_]?token)\\?[\"']?\s*[=:]\s*\\?[\"']?)"
    r"((?=[^\s\"']*\d)[\w+/=%.~-]{16,})(?![(\[\w+/=%.~-])",
    re.I,
)
_CODE = re.compile(r"[A-Za-z]+\d{0,3}(?:[._]+[A-Za-z]*\d{0,3})+")
"""Names in a program, such as ``base64.b64encode`` or ``hmac_sha256``: words, with few digits."""
_RANDOM = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])|(?:\D*\d){5}")
"""What is more than an English word: both cases, or many digits."""
_ESCAPED = re.compile(r"\\u00(?!22|5[cC])([2-7][0-9a-fA-F])")
"""Printable ASCII, but for what would end a text of JSON."""
_SID = re.compile(r"(\bsid: ?)(?=[\w@]*\d)([\w@]{5,100})")


def as_it_is(text: str) -> str:
    """`text`: what hides nothing."""
    return text


def scrubbed_text(text: str, hide: Hide = as_it_is) -> str:
    """`text` without keys: those that `hide` knows, what looks like one, what signs an address.

    Code that merely speaks of keys stays: what is taken for one is long and has a digit in it.

    >>> scrubbed_text("see https://h.example/a?x=1&signature=aB3dEfGh%3D and sk-0123456789abcdef")
    'see https://h.example/a?x=1&signature=… and …'
    >>> scrubbed_text('api_key=os.environ["API_KEY"]')
    'api_key=os.environ["API_KEY"]'
    """
    text = _scrubbed(text, hide)
    if "\\u00" in text and (plain := _ESCAPED.sub(_unescaped, text)) != (kept := _scrubbed(plain, hide)):
        return kept  # a key that was spelled in JSON's escapes
    return text


def _scrubbed(text: str, hide: Hide) -> str:
    text = KEY_SHAPES.sub(GONE, hide(text))
    if "://" in text or "=" in text or ":" in text:
        text = _USER.sub("", _PARAMETER.sub(rf"\1{GONE}", text))
        text = _SIGNED.sub(_unsigned, text)
        text = _SID.sub(lambda found: found[1] + placeholder(found[2]), text)
    return _BEARER.sub(_unborne, text)


def _unsigned(found: re.Match[str]) -> str:
    return found[0] if _CODE.fullmatch(found[2]) else found[1] + GONE


def _unborne(found: re.Match[str]) -> str:
    words = _CODE.fullmatch(found[3]) or (found[2].lower() != "bearer" and not _RANDOM.match(found[3]))
    return found[0] if words else found[1] + GONE


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def placeholder(text: str) -> str:
    """Something of the same form.

    >>> placeholder("cht000b92aa@dx194c"), placeholder("req-7F")
    ('xxx000x00xx@xx000x', 'xxx-0X')
    """
    return re.sub(r"[^-_@.:/#]", _sign, text[:LONGEST_WORD])


def _sign(found: re.Match[str]) -> str:
    sign = found[0]
    if sign.isalpha():
        return "x" if sign.islower() else "X"
    return "0" if sign.isdigit() else "-"
