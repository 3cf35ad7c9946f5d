"""What went wrong: ``%llm why``."""

from __future__ import annotations

from ...chat.session import session
from ...i18n import t
from ...show.cards import table
from .registry import verb


@verb("why")
def why() -> str:
    error = session().last_error
    if error is None:
        return t("line.no_error")
    facts = [
        ("kind", error.kind),
        ("provider", error.provider),
        ("status", error.status),
        ("code", error.code),
        ("retry_after", error.retry_after),
        ("request_id", error.request_id),
        ("text", f"{len(error.answer.text)}"),
    ]
    rows = [[t("line.what_happened"), error.what], [t("line.why"), error.why], [t("line.fix"), error.fix]]
    return table(
        ["", ""], rows + [[t(f"why.{name}"), value] for name, value in facts if value not in (None, "")]
    )
