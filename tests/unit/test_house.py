"""The rules of the house, read from the source: directions, sentences, names, sizes."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import nbstream
from nbstream.errors import KINDS

PACKAGE = Path(nbstream.__file__).parent
# Along the road; a package imports what stands before it, and its neighbours of the same rank.
ROAD = {"wire": 0, "providers": 1, "chat": 2, "show": 3, "magics": 4, "panel": 5, "teach": 5}
LEAVES = {
    "attachment",
    "errors",
    "messages",
    "parts",
    "i18n",
    "credentials",
    "keysources",
    "settings",
    "images",
    "plainfiles",
    "_version",
}
ALONE = {
    "httpx2": "wire/http.py",
    "httpcore2": "wire/sockets.py",
    "websocket": "wire/websocket.py",
    "litellm": "providers/litellm.py",
}
PYTHON_LINES = 320
JS_BYTES, CSS_BYTES = 15_000, 10_000
PANEL_JS_BYTES, PANEL_CSS_BYTES = 30_000, 15_000


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package: its path, slashes and all, and its syntax tree."""
    found = sorted(PACKAGE.rglob("*.py"))
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in found
    }


def imports(path: str) -> Iterator[str]:
    """The modules that `path` imports, anywhere in it: ``nbstream.wire.sse``, ``httpx2``."""
    here = ["nbstream", *path.removesuffix(".py").split("/")]
    for node in ast.walk(trees()[path]):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from ([f"{module}.{name.name}" for name in node.names] if module == base else [module])


def part(module: str) -> str:
    """Which part of the package a path or a dotted name belongs to: a folder, or a file at the top."""
    return module.removeprefix("nbstream.").replace("/", ".").removesuffix(".py").split(".")[0]


@pytest.mark.parametrize("path", [p for p in trees() if part(p) in ROAD or part(p) in LEAVES])
def test_imports_run_against_the_road(path: str) -> None:
    here = part(path)
    for module in imports(path):
        if not (module + ".").startswith("nbstream."):
            continue
        there = part(module)
        if there in LEAVES:
            continue
        assert here not in LEAVES, f"{path} is a leaf, yet imports {module}"
        assert there in ROAD, f"{path} imports {module}, which stands above the road"
        assert ROAD[there] <= ROAD[here], f"{path} imports {module}, which stands further along the road"


@pytest.mark.parametrize("library", ALONE)
def test_one_file_alone_knows_each_network_library(library: str) -> None:
    users = {path for path in trees() if any(module.split(".")[0] == library for module in imports(path))}
    assert users <= {ALONE[library]}


# --- sentences ----------------------------------------------------------------------------------------


@cache
def sentences(language: str) -> dict[str, str]:
    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs), f"{language}.json holds a key twice"
        return dict(pairs)

    text = (PACKAGE / f"locale/{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(text, object_pairs_hook=once))


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_english_and_chinese_have_the_same_keys() -> None:
    assert sentences("en").keys() == sentences("zh").keys()


def test_english_and_chinese_name_the_same_facts() -> None:
    for key, template in sentences("en").items():
        assert fields(template) == fields(sentences("zh")[key]), key


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_template_holds_plain_names_only(language: str) -> None:
    # "{0}" or "{a.b}" would reach into values; an empty name would depend on order.
    for key, template in sentences(language).items():
        assert all(name.isidentifier() for name in fields(template)), key


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_error_says_three_different_things(language: str) -> None:
    errors = {key.rpartition(".")[0] for key in sentences(language) if key.startswith("error.")}
    for error in errors:
        said = [sentences(language)[f"{error}.{name}"] for name in ("what", "why", "fix")]
        assert len(set(said)) == 3 and all(said), error
        assert error.split(".")[1] in KINDS, error


def literals(node: ast.expr) -> Iterator[str]:
    """The strings that an expression may be: a literal, or the arms of an ``a if b else c``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """``(where, key, facts)`` for each literal key of `t` and `fail`; facts is None behind a ``**``."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            given = {word.arg for word in node.keywords if word.arg}
            facts = None if any(word.arg is None for word in node.keywords) else given
            for key in literals(node.args[0]):
                if node.func.id == "t":
                    yield f"{path}:{node.lineno}", key, facts
                elif node.func.id == "fail":
                    always = None if facts is None else facts | {"provider", "status", "code"}
                    for name in ("what", "why", "fix"):
                        yield f"{path}:{node.lineno}", f"error.{key}.{name}", always


def test_every_sentence_that_the_code_asks_for_exists_and_gets_its_facts() -> None:
    for where, key, facts in calls():
        assert key in sentences("en"), f"{where} asks for {key}"
        if facts is not None:
            missing = fields(sentences("en")[key]) - facts
            assert not missing, f"{where} gives {key} no {missing}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_names_only_verbs_that_there_are(language: str) -> None:
    from nbstream.magics.verbs import VERBS

    for key, template in sentences(language).items():
        named = re.findall(r"(?<!%)%llm ([a-z]+)", template) if key.endswith(".fix") else ()
        assert {*named} <= {*VERBS, "help"}, key


def test_every_sentence_is_asked_for() -> None:
    whole: set[str] = set()
    patterns: set[str] = set()  # f"footer.{reason}", f"{kind}.service"
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                pieces = [str(v.value) if isinstance(v, ast.Constant) else None for v in node.values]
                if any(piece and re.fullmatch(r"\w+\.\w*|\.\w+", piece) for piece in pieces):
                    named = (r"[\w-]+" if piece is None else re.escape(piece) for piece in pieces)
                    patterns.add("".join(named))
    for key in sentences("en"):
        name = key.removeprefix("error.").rpartition(".")[0] if key.startswith("error.") else key
        asked = name in whole or any(re.fullmatch(pattern, name) for pattern in patterns)
        assert asked or panel_says(key), f"nothing says {key}"


def panel_says(key: str) -> bool:
    """Whether a label of the panel stands in the source of its view, or of what makes its frame."""
    family, _, label = key.partition(".")
    if family != "panel":
        return False
    texts = [
        path.read_text("utf-8") for kind in ("js", "py") for path in (PACKAGE / "panel").glob(f"*.{kind}")
    ]
    made = [found for text in texts for found in re.findall(r"`(\w*)\$\{\w+\}(\w*)`", text)]
    if any(re.fullmatch(rf"{before}\w+{after}", label) for before, after in made if before or after):
        return True
    return any(re.search(rf"\b{re.escape(label)}\b", text) for text in texts)


# --- names and sizes ----------------------------------------------------------------------------------


def test_the_public_names_are_there_sorted_and_told_by_dir() -> None:
    assert sorted(nbstream.__all__) == list(nbstream.__all__)
    for name in nbstream.__all__:
        assert getattr(nbstream, name) is not None
    assert set(nbstream.__all__) <= set(dir(nbstream))


@pytest.mark.parametrize("path", [p for p in trees() if p.rpartition("/")[2] != "__main__.py"])
def test_every_all_is_honest(path: str) -> None:
    parts = ["nbstream", *path.removesuffix(".py").split("/")]
    module = import_module(".".join(parts).removesuffix(".__init__"))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), name


@pytest.mark.parametrize("path", list(trees()))
def test_a_file_holds_one_idea(path: str) -> None:
    lines = (PACKAGE / path).read_text(encoding="utf-8").count("\n")
    assert lines <= PYTHON_LINES


@pytest.mark.parametrize(
    ("folder", "suffix", "most"),
    [
        ("show", "js", JS_BYTES),
        ("show", "css", CSS_BYTES),
        ("panel", "js", PANEL_JS_BYTES),
        ("panel", "css", PANEL_CSS_BYTES),
    ],
)
def test_views_stay_small_because_every_widget_carries_them(folder: str, suffix: str, most: int) -> None:
    assert sum(path.stat().st_size for path in (PACKAGE / folder).glob(f"*.{suffix}")) <= most
