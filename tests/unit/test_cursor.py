"""What stands at the cursor, and what may: words of ``%%llm`` and ``%llm``, ``{{`` in the body."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.chat.catalog import Catalog
from nbstream.magics import sources
from nbstream.magics.cursor import Cursor, at, cut, wanted

OPTIONS = {"-m": True, "--model": True, "--new": False, "-v": False}


def cursor(cell: str, name: str = "llm") -> Cursor | None:
    """Where ``|`` stands in `cell`."""
    before = cell.partition("|")[0]
    row = before.count("\n")
    return at(cell.replace("|", "", 1), row, len(before) - (before.rfind("\n") + 1), name)


@pytest.mark.parametrize(
    ("cell", "where", "fragment"),
    [
        ("%%llm -m open|", "cell", "open"),
        ("%%llm -m openrouter:qwen/qwen3.5:fr|", "cell", "openrouter:qwen/qwen3.5:fr"),
        ("\n%%llm |\nprompt", "cell", ""),
        ("x = 1\n  %llm lo|", "line", "lo"),
        ("out = %llm his|", "line", "his"),
        ("%%llm -m demo\nThe {{frame|}} shows", "expression", "frame"),
        ("%%llm\n{{ frame.head().|", "expression", "."),
        ("%%llm\n{{ frame.head().col|", "expression", ".col"),
        ("%%llm\n{{ frame['a|", None, ""),
        ("%%llm\n{{len(fra|", "expression", "fra"),
        ("%%llm\n{{a}} and {{b.c|", "expression", "b.c"),
        ("%%llm\n{{变|", "expression", "变"),
        ("%%llm\n{{a}} and fra|", None, ""),
        ("%%llm\n{{1.|", "expression", "."),
        ("%%llm\n%llm us|", None, ""),
        ("%%time\n%llm us|", None, ""),
        ("llm us|", None, ""),
        ("%%llmx -m o|", None, ""),
        ("%%ll|m", None, ""),
    ],
)
def test_what_is_being_written_is_known_from_the_whole_cell(
    cell: str, where: str | None, fragment: str
) -> None:
    found = cursor(cell)
    assert (found and found.where, found.fragment if found else "") == (where, fragment)


def test_under_its_second_name_the_magic_is_known_by_that_alone() -> None:
    found = cursor("%%nbstream -m o|", "nbstream")
    assert found is not None and found.fragment == "o"
    assert cursor("%%llm -m o|", "nbstream") is None


@pytest.mark.parametrize(
    ("cell", "kind", "of", "fragment"),
    [
        ("%%llm --m|", "option", "", "--m"),
        ("%%llm |", "option", "", ""),
        ("%%llm -m |", "value", "-m", ""),
        ("%%llm --model=de|", "value", "--model", "de"),
        ("%%llm -m demo |", "option", "", ""),
        ("%llm |", "verb", "", ""),
        ("%llm use de|", "word", "use", "de"),
        ("%llm history -|", "option", "history", "-"),
        ("%llm retry 2 -m de|", "value", "-m", "de"),
        ("%llm branch new |", "word", "branch", ""),
    ],
)
def test_a_word_is_an_option_a_value_a_verb_or_what_a_verb_takes(
    cell: str, kind: str, of: str, fragment: str
) -> None:
    found = cursor(cell)
    assert found is not None
    want = wanted(found, lambda verb: OPTIONS)
    assert (want.kind, want.of, want.fragment) == (kind, of, fragment)


@given(st.text(), st.integers(-2, 9), st.integers(0, 60))
def test_whatever_is_typed_nothing_is_raised_and_a_match_replaces_what_stands_there(
    text: str, row: int, column: int
) -> None:
    for cell in (text, f"%%llm {text}", f"%%llm\n{{{{{text}", f"%llm {text}"):
        found = at(cell, row, column)
        if found is not None:
            assert cell.split("\n")[row][:column].endswith(found.fragment)
            assert cell.split("\n")[row][:column].endswith(wanted(found, lambda verb: OPTIONS).fragment)


@given(st.lists(st.text("ab: =", min_size=1)))
def test_words_are_those_of_a_shell(words: list[str]) -> None:
    line = "".join(f'"{word}" ' for word in words)
    assert cut(line) == (tuple(words), "")


# --- files --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("plain.png", "two words.png", ".hidden", "it's.md"):
        (tmp_path / name).touch()
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("fragment", "rest", "found"),
    [
        ("", "", ["pictures/", '"it\'s.md"', '"two words.png"', "plain.png"]),
        ("pl", "", ["plain.png"]),
        ("pi", "", ["pictures/"]),
        ('"two', "", ['"two words.png"']),
        ('"two', '"', ['"two words.png']),
        ("two\\ w", "", ['"two words.png"']),
        (".h", "", [".hidden"]),
        ("nowhere/x", "", []),
    ],
)
def test_a_file_is_offered_so_that_the_line_reads_it(
    folder: Path, fragment: str, rest: str, found: list[str]
) -> None:
    offered = sources.files(fragment, rest)
    assert offered == found
    for one in offered:
        [word] = cut(one + rest + " ")[0]
        assert (folder / word).exists()


# --- models -------------------------------------------------------------------------------------------


def test_a_list_that_does_not_come_is_not_waited_for_and_is_there_the_next_time() -> None:
    catalog, gate = Catalog(), threading.Event()
    asked = []

    def ask() -> list[str]:
        asked.append(threading.current_thread())
        gate.wait(10)
        return ["gpt-x", "gpt-y"]

    catalog.refresh("openai", ask, patience=0.01)
    catalog.refresh("openai", ask, patience=3600)  # returns at once, or the test never ends
    assert "gpt-x" not in catalog.names("openai") and catalog.names("openai"), "its default is known"
    gate.set()
    [thread] = asked
    thread.join(10)
    assert catalog.names("openai")[-2:] == ["gpt-x", "gpt-y"]
    catalog.refresh("openai", ask, patience=1)
    assert len(asked) == 1, "it is fresh"
    catalog.refresh("openai", lambda: ["other"], patience=10, source="another address")
    assert "gpt-x" not in catalog.names("openai") and "other" in catalog.names("openai")


def test_nobody_is_asked_for_models_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.endswith(("_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)
    connected: list[object] = []
    listening = [True]
    sys.addaudithook(
        lambda event, args: connected.append(args) if event == "socket.connect" and listening[0] else None
    )
    assert "qwen" in sources.models("") and "qwen" in sources.models("qw")
    known = [one.removeprefix("qwen:") for one in sources.models("qwen:")]
    assert "qwen-plus" in known and sources.models("通义：") == [f"通义：{one}" for one in known]
    assert sources.models("nobody:") == []
    threads = [one.name for one in threading.enumerate()]
    listening[0] = False
    assert not connected and not any(name.startswith("nbstream-models") for name in threads)


def test_a_provider_that_refuses_is_left_alone_for_a_while() -> None:
    catalog = Catalog()
    asked = []

    def ask() -> list[str]:
        asked.append(time.monotonic())
        raise OSError("refused")

    for _ in range(3):
        catalog.refresh("openai", ask, patience=5)
    assert len(asked) == 1
