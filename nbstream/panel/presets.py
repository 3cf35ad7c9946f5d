"""What somebody types into a panel's settings, as values that a call can be made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat import checks
from ..errors import NbstreamError, fail
from ..i18n import t


def presets(typed: Mapping[str, Any]) -> dict[str, Any]:
    """``system``, ``temperature`` and ``max_tokens``, without those that are empty.

    >>> presets({"system": " ", "temperature": "0.5", "max_tokens": "200"})
    {'temperature': 0.5, 'max_tokens': 200}

    Raises `NbstreamError` (config) for what is no such number.
    """
    given = {name: str(typed.get(name) or "").strip() for name in ("system", "temperature", "max_tokens")}
    found: dict[str, Any] = {name: value for name, value in given.items() if value}
    if temperature := given["temperature"]:
        try:
            found["temperature"] = float(temperature)
        except ValueError:
            raise _no_number("temperature", temperature, "finite", "0.5") from None
    if most := given["max_tokens"]:
        if not (most.isdecimal() and len(most) < 10 and int(most) > 0):
            raise _no_number("max_tokens", most, "positive", "1024")
        found["max_tokens"] = int(most)
    checks.values(
        temperature=found.get("temperature"), retries=None, options=None, system=found.get("system")
    )
    return found


def _no_number(name: str, given: str, wanted: str, line: str) -> NbstreamError:
    reason = t("number.must", wanted=t(f"number.{wanted}"))
    return fail("config.number", name=name, given=given[:40], reason=reason, line=line)
