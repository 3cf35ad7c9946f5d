"""Help and language: whoever reads Chinese meets no English, and the other way round."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from nbstream.errors import NbstreamError, fail
from nbstream.i18n import LANGUAGES, language, sentences, set_language, set_magic, t
from nbstream.magics import help
from nbstream.magics.args import parse
from nbstream.magics.cell import llm
from nbstream.magics.line import found
from nbstream.magics.verbs import VERBS
from nbstream.magics.verbs.using import lang
from nbstream.providers import registry

PARSER = llm.parser  # type: ignore[attr-defined]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    set_language(None)
    set_magic()


def test_the_help_of_the_cell_names_each_option_in_both_languages() -> None:
    said = {}
    for name in LANGUAGES:
        set_language(name)
        said[name] = help.cell_text(PARSER)
        assert said[name].startswith("%%llm") and "::" not in said[name]
        for action in PARSER._actions:
            assert all(option in said[name] for option in action.option_strings)
    assert not CHINESE.search(said["en"])
    options = said["zh"].partition("选项\n")[2].splitlines()
    assert all(CHINESE.search(line) for line in options if line.startswith("  "))


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_has_its_words_and_what_it_does_in_both_languages(name: str) -> None:
    for spoken in LANGUAGES:
        set_language(spoken)
        one = help.line_text(name)
        assert one.splitlines()[0] == VERBS[name].usage
        assert (CHINESE.search(t(f"verb.{name}")) is not None) == (spoken == "zh")
        assert f"%llm {name}" in help.line_text() or name == "status"


def columns(line: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(one) in "WF" else 1 for one in line)


def test_the_list_of_verbs_stands_in_groups_and_columns_whoever_reads_it() -> None:
    for name in LANGUAGES:
        set_language(name)
        starts, headings = set(), 0
        for line in filter(None, help.line_text().rpartition("\n\n")[0].splitlines()):
            if not line.startswith("  %llm"):
                headings += 1
                continue
            does = re.fullmatch(r"  %llm.*? {2,}(\S.*)", line)[1]  # type: ignore[index]
            starts.add(columns(line) - columns(does))
            assert columns(line) < 110, line
        assert len(starts) == 1 and headings == len(help.GROUPS)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_notebook_gets_the_same_as_a_table(name: str) -> None:
    set_language(name)
    for text, (shown, _) in (
        (help.cell_text(PARSER), help.cell_help(PARSER)),
        *((help.line_text(one), help.line_help(one)) for one in (None, *VERBS)),
    ):
        assert shown["text/plain"] == text
        seen = html.unescape(re.sub(r"</?code>|:---|```(text)?", "", shown["text/markdown"]))
        assert re.sub(r"[\s|*`\\]+", "", seen) == re.sub(r"[\s|*`\\]+", "", text)


def test_each_verb_stands_in_one_group() -> None:
    listed = [name for names in help.GROUPS.values() for name in names.split()]
    assert sorted(listed) == sorted(VERBS)


def test_what_stands_for_a_value_is_in_the_language_in_use() -> None:
    set_language("zh")
    said = help.cell_text(PARSER) + help.line_text() + "".join(help.line_text(name) for name in VERBS)
    assert not re.findall(r"\b(?:MODEL|PROVIDER|NAME|FILE|TEXT|QUESTION|FORMAT|VAR|VERB|WORD)\b", said)


@pytest.mark.parametrize(
    ("line", "english", "chinese"),
    [
        ("-t warm", "-t/--temperature takes a number, not 'warm'.", "需要数字"),
        ("-m", "wants a value", "后面需要一个值"),
        ("--max-tokens 0", "1 or more", "不小于 1"),
        ("-o 1x", "1x is no Python name", "不是合法的 Python 变量名"),
        ("-f yaml", "takes 'json', not", "只能是"),
        ("--n", "may mean", "可能是"),
        ("--new=1", "takes no value", "不带值"),
    ],
)
def test_what_argparse_says_is_said_in_the_language_in_use(line: str, english: str, chinese: str) -> None:
    for name, wanted in (("en", english), ("zh", chinese)):
        set_language(name)
        with pytest.raises(NbstreamError) as caught:
            parse(PARSER, line)
        assert wanted in caught.value.what
        assert (CHINESE.search(caught.value.what) is not None) == (name == "zh")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [("zh", "zh"), ("EN", "en"), ("中文", "zh"), ("English", "en"), ("zh_CN", "zh"), ("en-GB", "en")],
)
def test_a_language_is_chosen_as_people_write_it(written: str, spoken: str) -> None:
    said = lang(written)
    assert language() == spoken and (CHINESE.search(said.partition("%")[0]) is not None)
    assert t("stop") == {"en": "Stop", "zh": "停止"}[spoken], "from the next sentence on"
    assert fail("config.empty_prompt").what == t("error.config.empty_prompt.what", spoken)
    assert registry.get("spark").label == {"en": "iFlytek Spark", "zh": "讯飞星火"}[spoken]


def test_auto_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NBSTREAM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    lang("zh")
    lang("auto")
    assert language() == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert language() == "zh"
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert language() == "en", "LC_ALL goes before LANG"
    monkeypatch.setenv("NBSTREAM_LANG", "zh")
    assert language() == "zh", "and our own before both"
    lang("en")
    assert language() == "en", "and what one says before all"


def test_a_language_that_there_is_not_is_a_clear_error() -> None:
    with pytest.raises(NbstreamError) as caught:
        lang("fr")
    assert caught.value.fix == "%llm lang en"


def test_every_sentence_is_translated() -> None:
    for key, english in sentences("en").items():
        if key.endswith((".fix", ".words")) or CHINESE.search(sentences("zh")[key]):
            continue  # what is pasted is alike in all languages
        prose = re.findall(r"[a-z]{2,}", re.sub(r"\{.*?\}", "", english))
        assert len(prose) < 3, key


def test_under_its_second_name_no_sentence_names_the_first() -> None:
    set_magic("nbstream")
    for name in LANGUAGES:
        set_language(name)
        assert "%llm" not in help.cell_text(PARSER) + help.line_text()
        error = fail("config.unknown_verb", name="%llm", nearest="help")
        assert error.fix == "%nbstream help"
        assert "%llm" in error.what, "what somebody typed is told as it was"
    with pytest.raises(NbstreamError) as caught:
        registry.get("sparc")
    assert caught.value.fix == "%nbstream use spark"


@pytest.mark.parametrize("word", ["xray", "tape", "compare", "no-stream"])
def test_what_is_an_option_of_a_cell_is_told_to_whoever_looks_for_it_among_the_verbs(word: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        found(word)
    assert caught.value.fix.startswith("%%llm -")
    parse(llm.parser, caught.value.fix.removeprefix("%%llm"))


def test_a_word_that_is_near_to_no_verb_is_not_taken_for_one() -> None:
    with pytest.raises(NbstreamError) as caught:
        found("coma")
    assert caught.value.case == "no_verb"
    with pytest.raises(NbstreamError) as caught:  # one percent sign too few
        found("Why", ["is", "the", "sky", "blue?"])
    assert caught.value.case == "no_verb"
    with pytest.raises(NbstreamError, match='nearest is "history"'):
        found("hsitory", ["-v", "-c", "draft"])
