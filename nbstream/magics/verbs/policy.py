"""What a teacher allows here, shown openly: ``%llm policy``."""

from __future__ import annotations

import os

from ...chat.policy import POLICY, Policy, places
from ...chat.rules import Rules
from ...chat.session import session
from ...i18n import t
from ...show.cards import literal, table
from .registry import verb

Row = list[object]


@verb("policy")
def policy() -> str:
    held = session().policy
    rules = held.rules()
    if not rules:
        if os.environ.get(POLICY, "").strip():
            return t("policy.late")
        where = t("list.joint").join(literal(str(path)) for path in places())
        return t("policy.none", places=where)
    heads = [t(f"policy.{name}") for name in ("rule", "bound", "used", "left", "file")]
    rows = [row for one in rules for row in _rows(held, one)]
    kept = _kept(held)
    if len(rules) == 1:  # its name once is enough
        heads, rows = heads[:-1], [row[:-1] for row in rows]
        kept.insert(0, t("policy.stand", path=literal(str(rules[0].path))))
    notes = [
        t("policy.broken", path=literal(str(one.path)), reason=literal(one.broken))
        for one in rules
        if one.broken
    ]
    notes += [literal(t("policy.note", note=one.note).strip()) for one in rules if one.note]
    return "\n\n".join([*notes, table(heads, rows), *kept, t("policy.honest")])


def _rows(held: Policy, rules: Rules) -> list[Row]:
    joint, file = t("list.joint"), str(rules.path)
    models = t("policy.all") if rules.models is None else joint.join(rules.allowed)
    rows: list[Row] = [[t("policy.models"), models, "", "", file]]
    for one in held.budgets():
        if one.rules is rules:
            name = t(f"policy.{one.name}", span=t(f"policy.span_{one.span}"))
            rows.append([name, f"{one.most:,}", f"{one.used:,}", f"{one.left:,}", file])
    if rules.max_tokens is not None:
        rows.append([t("policy.max_tokens"), f"{rules.max_tokens:,}", "", "", file])
    if not rules.tapes:
        rows.append([t("policy.tapes"), t("policy.no"), "", "", file])
    return rows


def _kept(held: Policy) -> list[str]:
    """Where it is counted, if it is."""
    if not any(True for _ in held.budgets()):
        return []
    path, trouble = literal(str(held.ledger.path)), held.ledger.trouble
    return [t("policy.trouble", path=path, reason=trouble) if trouble else t("policy.counted", path=path)]
