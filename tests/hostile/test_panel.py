"""What the panel's view is sent for the corpus: every piece of HTML in it, however the text came there."""

from __future__ import annotations

from typing import Any

import pytest

from nbstream.chat.kept import Turn
from nbstream.errors import ServerError
from nbstream.messages import Answer, Message, ToolCall
from nbstream.panel.following import Shown
from nbstream.panel.infos import asked, came
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.looked import Looked
from tests.hostile.scan import DROPPED

TEXTS = [one for one in (*hostile(), *controls()) if one.kind != "bulk"]


def html(ops: list[Any]) -> str:
    """What the view places of the operations of one turn."""
    return "".join(str(op[-1]) for kind, _, *rest in ops if kind == "ops" for op in rest[0])


def shown(turn: Turn) -> str:
    at = Shown(turn)
    at.build()
    return html(at.whole())


@pytest.mark.parametrize("entry", TEXTS, ids=lambda entry: entry.id)
def test_an_answer_in_the_panel_shows_no_more_than_we_write(entry: Entry) -> None:
    looked = Looked(shown(Turn("Go on.", "demo", answer=Answer(entry.text))))
    assert looked.wrong == []
    assert not DROPPED.search(looked.text)


@pytest.mark.parametrize("entry", [one for one in TEXTS if one.kind in ("script", "handlers", "broken-tags")])
def test_nor_do_prompts_models_errors_and_what_tools_were_given(entry: Entry) -> None:
    evil = entry.text
    call = ToolCall("c1", evil[:80], '{"x": ' + repr(evil).replace("'", '"') + "}")
    answer = Answer(evil, error=ServerError(evil, evil, evil), model=evil, raw_finish_reason=evil)
    rounds = (Message("assistant", evil, tool_calls=(call,)), Message("tool", evil, tool_call_id="c1"))
    turn = Turn(evil, f"openai:{evil}", answer=answer, rounds=rounds)
    told = {**asked(turn), **came(turn, running=False, footer=True, fixes=lambda error, turn: [])}
    written = told["foot"] + (told["error"] or {}).get("html", "")
    assert Looked(shown(turn)).wrong == []
    assert [one for one in Looked(written).wrong if not one.startswith(("class='nbs", "role="))] == []
