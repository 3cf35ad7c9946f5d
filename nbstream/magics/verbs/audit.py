"""Who was asked when, for whoever has to account for it: ``%llm log``."""

from __future__ import annotations

from ...chat.session import session
from ...i18n import t
from ...show.cards import literal
from .registry import verb


@verb("log")
def log(file: str | None = None) -> str:
    audit = session().audit
    if file is None:
        return t("log.on", path=literal(str(audit.path))) if audit.path is not None else t("log.is_off")
    if file == "off":
        audit("policy", name="log", state="off")
        path = audit.close()
        return t("log.is_off") if path is None else t("log.off", path=literal(str(path)))
    path = audit.open(file)
    audit("policy", name="log", state="on")
    return t("log.on", path=literal(str(path)))
