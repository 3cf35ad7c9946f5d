"""What a panel leaves in its notebook can be read without a kernel, and gives the conversation back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nbstream.chat.history import Turn
from nbstream.chat.notebook import read
from nbstream.chat.restore import collect
from nbstream.errors import NbstreamError
from nbstream.messages import Answer, Attachment, Timing, Usage
from nbstream.panel import saved as saving
from nbstream.panel.saved import Told, saved
from nbstream.show.restored import restored_markdown
from tests.unit.notebooks import Notebook, replaced


class Book(Notebook):
    """A notebook with a panel in its cell ``p``."""

    def say(self, prompt: str, text: str | None = None, at: Turn | None = None, **more: Any) -> Turn:
        """Ask in the panel, and have the answer kept."""
        self.clock += 10
        name = more.pop("conversation", "main")
        answer = more.pop("answer", None) or Answer(text or f"to {prompt}", finish_reason="stop")
        answer = replaced(answer, model="openai:words", timing=Timing(self.clock, 0.5, 2.0))
        history = self.session.conversation(name).history
        turn = history.begin(Turn(prompt, "openai:words", created=self.clock, **more), at)
        history.finish(turn, answer)
        self.keep(name)
        return turn

    def keep(self, *names: str) -> tuple[dict[str, str], dict[str, Any]]:
        """Have the panel's output written, with these conversations."""
        told = []
        for name in names or ("main",):
            talk = self.session.conversation(name)
            own = [turn for turn in talk.history.every() if turn not in talk.turns and turn.cell is None]
            told.append(Told(name, talk.turns, own, (), tuple(talk.history.gone)))
        data, metadata = saved(told, now=self.clock)
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        if not any(cell["id"] == "p" for cell in self.cells):
            source = "nbstream.ChatPanel()"
            self.cells.append({"cell_type": "code", "id": "p", "metadata": {}, "execution_count": 1})
            self.cell("p")["source"] = source
        self.cell("p")["outputs"] = [output]
        return data, metadata


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_what_was_said_in_a_panel_is_known_again_after_a_restart(book: Book) -> None:
    usage = Usage(10, 20, None, 5)
    first = book.say("what is x?\n\n    x = 1", system="Be brief.", options={"temperature": 0.5})
    book.say("and y?", answer=Answer("half of it", finish_reason="cancelled", usage=usage))
    before = [(turn.id, turn.prompt, turn.answer.text, turn.status) for turn in _turns(book)]
    restored = book.restore()
    assert [(turn.id, turn.prompt, turn.answer.text, turn.status) for turn in _turns(book)] == before
    again = _turns(book)
    assert (again[0].system, again[0].options) == (first.system, first.options)
    assert again[1].answer.usage == usage
    assert [turn.cell for turn in again] == [None, None], "no cell asks them when it runs again"
    assert restored.turns == {"main": 2} and not restored.moved
    assert "what is x?" in restored_markdown(restored)


def test_turns_of_the_panel_and_of_cells_come_back_in_order_and_once(book: Book) -> None:
    book.say("one")
    book.ask("a", "two")
    book.say("three")
    book.ask("b", "four")
    book.say("five")
    restored = book.restore()
    assert book.prompts() == ["one", "two", "three", "four", "five"]
    assert [turn.cell for turn in _turns(book)] == [None, "a", None, "b", None]
    assert not restored.moved and not restored.missing
    book.ask("a", "two, better")  # the cell knows its turn again
    assert book.prompts() == ["one", "two, better", "three", "four", "five"]
    book.restore()
    assert len(book.prompts()) == 5


def test_a_second_restore_and_two_panels_on_one_conversation_add_nothing(book: Book) -> None:
    book.say("one")
    book.say("two")
    other = {**book.cell("p"), "id": "q"}
    book.cells.append(other)
    book.restore()
    assert book.prompts() == ["one", "two"]
    book.session.restore(book.path)
    assert book.prompts() == ["one", "two"]


def test_a_turn_of_a_cell_that_was_deleted_in_the_panel_does_not_come_back(book: Book) -> None:
    book.say("one")
    book.ask("a", "two")
    book.say("three")
    history = book.session.conversation().history
    history.take_out(history.turns[1])
    book.keep()
    book.restore()
    assert book.prompts() == ["one", "three"]


def test_a_deleted_turn_that_was_brought_back_comes_back(book: Book) -> None:
    book.say("one")
    book.ask("a", "two")
    history = book.session.conversation().history
    history.take_out(history.turns[1])
    history.redo()
    book.keep()
    book.restore()
    assert book.prompts() == ["one", "two"]


def test_other_versions_come_back_and_the_one_in_use_is_in_use_again(book: Book) -> None:
    first = book.say("one")
    second = book.say("one, better", at=first)
    book.say("more")
    book.session.conversation().history.go_to(first)
    data, _ = book.keep()
    assert "one, better" not in data["text/markdown"], "the reader sees what the panel showed"
    assert "Other versions" in data["text/markdown"] and "2" in data["text/markdown"]
    book.restore()
    assert book.prompts() == ["one"], "not the branch in which somebody asked last"
    history = book.session.conversation().history
    assert [one.prompt for one in history.versions(_turns(book)[0])] == ["one", "one, better"]
    history.go_to(next(turn for turn in history.every() if turn.id == second.id))
    assert book.prompts() == ["one, better", "more"]


def test_conversations_that_the_panel_has_shown_before_are_kept_too(book: Book) -> None:
    book.say("here")
    book.say("there", conversation="other")
    data, _ = book.keep("other", "main")
    assert data["text/markdown"].count("<details>") == data["text/markdown"].count("</details>") == 2
    book.restore()
    assert book.prompts() == ["here"] and book.prompts("other") == ["there"]


def test_a_failed_turn_and_one_that_still_runs_cost_nothing(book: Book) -> None:
    book.say("fails", answer=Answer("", error=NbstreamError("refused", "why", "fix")))
    turn = book.session.conversation().history.begin(Turn("runs", "openai:words"))
    data, metadata = book.keep()
    assert "refused" in data["text/markdown"] and "runs" in data["text/markdown"]
    assert turn.id not in str(metadata)
    book.restore()
    [again] = _turns(book)
    assert again.status == "failed" and again.answer is not None and again.answer.text == ""


def test_a_long_conversation_keeps_its_newest_turns_whole(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "MOST_BYTES", 20_000)
    for number in range(20):
        book.say(f"question {number}", "word " * 300)
    data, metadata = book.keep()
    text = data["text/markdown"]
    assert "question 19" in text and "question 0 " not in text
    kept = len(metadata["nbstream"]["turns"])
    assert 2 < kept < 10 and f"no room here: {20 - kept}." in text
    restored = book.restore()
    assert book.prompts() == [f"question {number}" for number in range(20 - kept, 20)]
    assert restored.missing == 1


def test_the_reader_finds_prompts_to_the_letter_answers_settled_and_footers(book: Book) -> None:
    book.say("<b>2 * 3 * 4</b>\n\n    if x:\n        # no heading\nlast", "**Yes**, `code` costs $5.")
    book.say("look", attachments=(Attachment("image/png", b"x", "plot_1.png"),))
    data, _ = book.keep()
    text = data["text/markdown"]
    assert text.startswith("<details><summary>Conversation main · 2 turns · 20")
    assert text.endswith("\n\n</details>")
    indent = "\u00a0" * 4
    assert (
        "> &lt;b>2 \\* 3 \\* 4&lt;/b>\n>\n"
        f"> {indent}if x:  \n> {indent * 2}&#35; no heading  \n> last\n\n"
        "**Yes**, `code` costs <span>&#36;</span>5.\n\n*⟡ openai words"
    ) in text
    assert "Files: plot_1.png" in text
    assert data["text/plain"].count("**Yes**, `code` costs $5.") == 1


def test_an_empty_conversation_leaves_nothing_to_read() -> None:
    data, metadata = saved([Told("main", [])])
    assert data == {"text/markdown": "", "text/plain": ""} and metadata == {}


@settings(max_examples=60, deadline=None)
@given(said=some.lists(some.tuples(some.text(max_size=60), some.text(max_size=60)), min_size=1, max_size=6))
def test_whatever_was_said_comes_back(said: list[tuple[str, str]], tmp_path_factory: Any) -> None:
    from nbstream.show.clean import clean

    book = Book(tmp_path_factory.mktemp("book"))
    for prompt, text in said:
        book.say(prompt, text or "-")
    book.restore()
    found = [(turn.prompt, turn.answer.text) for turn in _turns(book) if turn.answer]
    assert found == [(prompt, clean(text or "-")) for prompt, text in said]


def test_half_a_character_in_a_prompt_does_not_keep_the_rest_from_being_kept(book: Book) -> None:
    book.say("half \ud83d of it", system="\udc00")
    data, metadata = book.keep()
    json.dumps([data, metadata], ensure_ascii=False).encode()
    book.restore()
    assert book.prompts() == ["half ? of it"]


FORGED: list[Any] = [
    "turns", {"turn": "a"}, [None, 3, "x", []], [{"turn": "t", "start": -5, "end": "x"}],
    [{"turn": "t", "panel": True, "start": 10**14, "end": 10**14, "prompt": "x"}],
    [{"turn": "t", "panel": "yes", "prompt": {"a": 1}, "number": 0, "parent": "t"}],
    [{"turn": "a b<c>", "panel": True, "prompt": "x", "conversation": "\x1b[1m"}] * 3,
]  # fmt: skip


@pytest.mark.parametrize("turns", FORGED)
def test_a_forged_receipt_is_refused_or_harmless(book: Book, turns: Any) -> None:
    book.say("one")
    book.cell("p")["outputs"][0]["metadata"]["nbstream"]["turns"] = turns
    book.cell("p")["outputs"][0]["metadata"]["nbstream"]["ends"] = turns
    book.restore()
    for turn in _turns(book):
        assert turn.answer is not None and not turn.answer.text
    restored_markdown(book.session.restore(book.path))


@pytest.mark.parametrize(
    "forged",
    [{"end": -1}, {"end": None}, {"start": "x"}, {"start": True}, {"start": 0}, {"end": 10**6}, {"end": 0}],
)
def test_a_receipt_that_does_not_say_where_its_answer_stands_gets_none_of_the_others(
    book: Book, forged: dict[str, Any]
) -> None:
    for prompt in ("one", "two", "three"):
        book.say(prompt)
    receipts = book.cell("p")["outputs"][0]["metadata"]["nbstream"]["turns"]
    receipts[1] |= forged
    book.restore()
    assert [turn.answer.text for turn in _turns(book) if turn.answer] == ["to one", "to three"]


def test_one_output_cannot_hold_more_than_a_bounded_number_of_turns(book: Book) -> None:
    from nbstream.chat.notebook import MOST_TURNS

    book.say("one")
    receipts = book.cell("p")["outputs"][0]["metadata"]["nbstream"]["turns"]
    receipts[0]["end"] = receipts[0]["start"]  # what overlaps is passed over anyway
    receipts *= MOST_TURNS + 5
    [cell] = read(book.save()).cells
    assert len(cell.answers) == MOST_TURNS
    assert len(collect(read(book.path))[0]) == 1


def _turns(book: Book) -> list[Turn]:
    return book.session.conversation().turns
