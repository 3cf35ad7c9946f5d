"""The notebooks of both languages are one lesson: cells, headings, options, links, tables, pictures."""

from __future__ import annotations

import ast
import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb") if ".zh" not in path.name)
EVERY = [f"{name}{ending}" for name in ENGLISH for ending in ("", ".zh")]
HAN = re.compile(r"[\u4e00-\u9fff]")
PICTURES = {
    "02": r"^\|.*\|$",
    "03": r"!\[|^\|.*\|$",
    "04": r"```mermaid|<svg",
    "05": r"^\|.*\|$",
    "06": r"^\|.*\|$",
    "07": r"```mermaid",
}
"""Where one would rather look than read: what each has of it."""


@cache
def book(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / f"notebooks/{name}.ipynb").read_text(encoding="utf-8"))
    return loaded


def texts(name: str, kind: str) -> dict[str, str]:
    """The cells of this kind, by id."""
    return {c["id"]: "".join(c["source"]) for c in book(name)["cells"] if c["cell_type"] == kind}


def prose(name: str) -> str:
    return "\n\n".join(texts(name, "markdown").values())


def unfenced(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def both(name: str) -> tuple[str, str]:
    return name, f"{name}.zh"


def test_there_are_seven_in_both_languages() -> None:
    assert [name[:2] for name in ENGLISH] == [f"0{number}" for number in range(1, 8)]
    assert {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} == {f"{one}.ipynb" for one in EVERY}


# --- alike ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGLISH)
def test_cells_stand_in_the_same_order_with_the_same_ids(name: str) -> None:
    one, other = ([(c["cell_type"], c["id"], c["metadata"]) for c in book(it)["cells"]] for it in both(name))
    assert one == other


def shape(text: str) -> list[str]:
    """What a text is built of: headings, fences, rows of tables with their columns, items, links."""
    found: list[str] = []
    for line in text.splitlines():
        start = re.match(r" *(#+ |```\w*|\||- |\d+\. |> )", line)
        if start:
            found.append(start[1] + ("|" * line.replace("\\|", "").count("|") if start[1] == "|" else ""))
        found += [linked(address) for address in re.findall(r"\]\(([^)\s]+)\)", line)]
    return found


def linked(address: str) -> str:
    """Where a link leads, whichever the language."""
    return re.sub(r"(?:\.zh(?:-CN)?)?(\.\w+)(#.*)?$", r"\1", address) if "://" not in address else "elsewhere"


@pytest.mark.parametrize("name", ENGLISH)
def test_each_text_is_built_as_its_other(name: str) -> None:
    one, other = (texts(it, "markdown") for it in both(name))
    for id in one:
        assert shape(one[id]) == shape(other[id]), id


@pytest.mark.parametrize("name", ENGLISH)
def test_each_question_is_asked_with_the_same_options(name: str) -> None:
    one, other = (texts(it, "code") for it in both(name))
    for id in one:
        assert lines(one[id]) == lines(other[id]), id


def lines(source: str) -> list[list[str]]:
    """The words of each magic line; but not those of a question, and not the language that is chosen."""
    found = []
    for line in source.splitlines():
        if re.match(r"%%?\w", line):
            words = line.split() if "'" in line else shlex.split(line)
            kept = 2 if words[:2] in (["%llm", "lang"], ["%llm", "stream-vs-wait"]) else None
            said = [i for i, word in enumerate(words) if words[i - 1] in ("-s", "--system")]
            found.append(
                [word for i, word in enumerate(words[:kept]) if i not in said and not HAN.search(word)]
            )
    return found


@pytest.mark.parametrize("name", ENGLISH)
def test_the_code_is_the_same_but_for_its_words(name: str) -> None:
    one, other = (texts(it, "code") for it in both(name))
    for id in one:
        if not one[id].startswith("%%"):
            assert bones(one[id]) == bones(other[id]), id


def bones(source: str) -> str:
    """Code without comments and with nothing in its strings: what is left when the words are taken out."""
    tree = ast.parse("\n".join(line for line in source.splitlines() if not line.startswith("%")))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "…"
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    # A list of words has as many as the language needs.
    return re.sub(r"'…'(?:, '…')+", "'…'", ast.unparse(tree))


# --- each by itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_it_is_written_in_its_language(name: str) -> None:
    chinese = name.endswith(".zh")
    for id, text in texts(name, "markdown").items():
        words = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", unfenced(text))
        assert bool(HAN.search(words)) == chinese, id
        if chinese:  # marks as Chinese writes them; none of those that a translation leaves
            assert not re.search(r"[\u4e00-\u9fff][,;:?!](?:\s|$)", words), id


@pytest.mark.parametrize("name", EVERY)
def test_it_begins_with_its_title_and_asks_a_model(name: str) -> None:
    titles = re.findall(r"^# .+", unfenced(prose(name)), re.M)
    assert len(titles) == 1 and prose(name).startswith(titles[0])
    code = texts(name, "code")
    assert next(iter(code.values())).startswith("%load_ext nbstream")
    assert any(source.startswith("%%llm") for source in code.values())


@pytest.mark.parametrize("name", EVERY)
def test_there_is_something_to_look_at(name: str) -> None:
    wanted = PICTURES.get(name[:2])
    if wanted is None:
        return  # the first one is all doing
    whole = prose(name) + "\n".join(texts(name, "code").values())
    assert re.search(wanted, whole, re.M)


@pytest.mark.parametrize("name", EVERY)
def test_it_is_kept_without_outputs_and_traces_of_a_machine(name: str) -> None:
    kept = book(name)
    assert (kept["nbformat"], kept["nbformat_minor"]) == (4, 5)
    assert kept["metadata"]["kernelspec"]["name"] == "python3"
    assert set(kept["metadata"]) <= {"kernelspec", "language_info"}
    for cell in kept["cells"]:
        assert set(cell["metadata"]) <= {"tags"}, cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]
    said = json.dumps(kept, ensure_ascii=False)
    assert not re.search(r"(?<![\w.])/(?:work|home|Users|tmp|root|mnt|opt|var)/|[A-Z]:\\\\\w", said)


@pytest.mark.parametrize("name", EVERY)
def test_its_links_and_tapes_are_there_and_its_neighbours_are_of_its_language(name: str) -> None:
    for address in re.findall(r"\]\(([^)\s]+)\)", prose(name)):
        if "://" in address:
            assert address.startswith("https://"), address
            continue
        path = address.partition("#")[0]
        assert (ROOT / "notebooks" / path).exists(), address
        if path.endswith(".ipynb"):
            assert (".zh." in path) == name.endswith(".zh"), address
    for tape in re.findall(r"[\w/]+\.tape\b", "\n".join(texts(name, "code").values())):
        assert (ROOT / "notebooks" / tape).exists(), tape
