"""The words around the project say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbstream.i18n import sentences
from nbstream.magics.cell import llm
from nbstream.magics.verbs import VERBS
from nbstream.providers import registry
from nbstream.providers.hosts import HOSTS
from nbstream.providers.natives import NATIVES

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
GUIDES = tuple(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/*.md")))
OWN = ("errors", "write-a-provider")  # with words for what differs, and a provider that is not there
TOLD = [page for page in GUIDES if not page.startswith(tuple(f"docs/{name}." for name in OWN))]
PAGES = (*READMES, *TOLD, "CONTRIBUTING.md", "CHANGELOG.md", "binder/README.md")
# The last one brings a provider of its own.
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("0[1-6]*.ipynb"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_in(text: str) -> str:
    return "\n".join(re.findall(r"`([^`\n]+)`", text) + re.findall(r"```\w*\n(.*?)```", text, re.S))


@pytest.mark.parametrize("page", READMES)
def test_a_readme_lists_each_provider_with_its_key_and_its_model(page: str) -> None:
    rows = [line for line in read(page).splitlines() if line.startswith("| `")]
    for host in (*HOSTS, *NATIVES):
        (row,) = [row for row in rows if f"`{host.name}`" in row.split("|")[1]]
        needed = host.needs[0] if host.needs else [field.name for field in host.fields if field.required]
        for field in host.fields:
            if field.name in needed:
                assert f"`{field.env[0]}`" in row.split("|")[2]
        if needed:
            assert f"`{host.default_model}`" in row.split("|")[3]


@pytest.mark.parametrize("page", READMES)
def test_a_readme_names_no_alias_that_does_not_exist(page: str) -> None:
    rows = [line for line in read(page).splitlines() if line.startswith("| `")]
    listed = [
        row for row in rows if any(f"`{host.name}`" in row.split("|")[1] for host in (*HOSTS, *NATIVES))
    ]
    for name in re.findall(r"`([^`]+)`", " ".join(row.split("|")[1] for row in listed)):
        registry.get(name)


@pytest.mark.parametrize("page", READMES)
def test_a_readme_lists_the_options_and_verbs_that_exist(page: str) -> None:
    text = read(page)
    options = {name for action in llm.parser._actions for name in action.option_strings}
    assert set(re.findall(r"^\| `(-[-\w]+)", text, re.M)) == {
        ({*action.option_strings} & {"-m", "-s", "-t", "-c", "-o"} or {action.option_strings[-1]}).pop()
        for action in llm.parser._actions
        if "--help" not in action.option_strings
    }
    assert set(re.findall(r"%%llm (-[-\w]+)", text)) <= options
    assert set(re.findall(r"^\| .*?(?<!%)%llm (\w+)", text, re.M)) >= {
        "use",
        "login",
        "history",
        "stats",
        "why",
    }


@pytest.mark.parametrize("page", [*PAGES, *(f"notebooks/{name}" for name in NOTEBOOKS)])
def test_pages_name_only_verbs_and_models_that_exist(page: str) -> None:
    text = read(page)
    assert set(re.findall(r"(?<!%)%llm ([a-z][a-z-]*)", text)) <= set(VERBS)
    for model in re.findall(r"(?:%llm (?:login|use)|%%llm -m|model=\\?\")[ ]*([a-z][\w.:-]*)", text):
        assert registry.split(model)


def test_both_readmes_are_built_alike() -> None:
    def shape(text: str) -> list[str]:
        return [match[0] for match in re.finditer(r"^(#+|```|\||- |!\[)", text, re.M)]

    assert shape(read(READMES[0])) == shape(read(READMES[1]))


def test_the_architecture_page_names_files_that_exist() -> None:
    names = re.findall(r"`((?:\w+/)?\w+\.(?:py|js))`", read("docs/architecture.md"))
    there = [
        path.relative_to(ROOT).as_posix()
        for part in ("nbstream", "tests", "tools")
        for path in ROOT.glob(f"{part}/**/*")
    ]
    for name in names:
        assert any(f"/{path}".endswith(f"/{name}") for path in there), name


def test_chinese_speaks_to_the_reader_in_one_voice_and_calls_a_notebook_so() -> None:
    every = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.zh.md"))}
    every |= {path.name: path.read_text("utf-8") for path in sorted((ROOT / "notebooks").glob("*.zh.ipynb"))}
    every["README"] = (ROOT / "README.zh-CN.md").read_text("utf-8")
    every |= {key: said for key, said in sentences("zh").items() if key != "continue.prompt"}  # to a model
    assert len(every) > 1000
    assert not {name for name, text in every.items() if re.search("你(?!好)|笔记本", text)}
