"""Who was asked when, for whoever has to account for it: ``%llm log``."""

from __future__ import annotations

import difflib
import re

from ...chat.session import session
from ...errors import fail
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
    if not re.search(r"[./\\]", file):  # "of" is no file: whoever wrote it thinks that nothing is logged
        line = "off" if difflib.get_close_matches(file, ["off"], cutoff=0.6) else f"{file[:40]}.jsonl"
        raise fail("config.log_name", name=file[:40], line=line)
    before = audit.path
    path = audit.open(file)
    audit("policy", name="log", state="on")
    moved = before is not None and before != path
    return t("log.on", path=literal(str(path))) + (
        f" {t('log.moved', path=literal(str(before)))}" if moved else ""
    )
