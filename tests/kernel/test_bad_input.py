"""What a person gets wrong: one clear card of three sentences, and nothing lost."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest

from tests.fakes.openai_server import OpenAIServer
from tests.kernel.kernels import Kernel, Run, running
from tests.served import Served

SAID = "Remember the word heron."


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def tls() -> Iterator[OpenAIServer]:
    with OpenAIServer(tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, served: Served) -> Iterator[Kernel]:
    """A kernel whose conversation has one good turn."""
    with running(tmp_path_factory.mktemp("bad")) as kernel:
        kernel.run(served.setup())
        kernel.run(f"%%llm -m openai:words:5\n{SAID}", allow_stdin=True)
        kernel.run("from nbstream.chat.session import session\nsession().settings.retries = 0")
        yield kernel


def card(run: Run) -> list[str]:
    """The sentences of the only output, which is a card."""
    assert run.status == "ok" and not run.errors, run.errors
    [output] = run.outputs
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    markdown = output["data"]["text/markdown"].split("\n\n*⟡")[0]
    assert markdown.startswith("> **⚠ ")
    lines = [line.removeprefix(">").strip() for line in markdown.splitlines()]
    return [html.unescape(line) for line in lines if line]


CELLS = {
    "unknown provider": ("%%llm -m opnai:gpt\nHello", "openai"),
    "unknown model": ("%%llm -m openai:nosuch\nHello", "nosuch"),
    "unknown option": ("%%llm --modle demo\nHello", "--model"),
    "a value that is no number": ("%%llm -t warm\nHello", "warm"),
    "words on the magic line": ("%%llm Hello there", "below"),
    "an open quotation mark": ('%%llm -s "be brief\nHello', "quotation"),
    "no key": ("%%llm -m deepseek\nHello", "%llm login deepseek"),
    "a key on the line": ("%%llm --api-key=sk-0123456789abcdef0123\nHello", "%llm login"),
    "an empty prompt": ("%%llm\n  \n", "empty"),
    "a prompt of 5 MB": ("get_ipython().run_cell_magic('llm', '-m openai:echo', 'x' * 5_000_000)", "5.0 MB"),
    "html instead of json": ("%%llm -m openai:html\nHello", "base URL"),
    "a base URL that is none": ("%env OPENAI_BASE_URL=nowhere\n%%llm -m openai:x\nHello", "http"),
    "plain http to another machine": ("%env OPENAI_BASE_URL=http://a.invalid\n%%llm -m openai:x\nHello", "https://"),
    "nobody listens": ("%env OPENAI_BASE_URL=http://127.0.0.1:9/v1\n%%llm -m openai:x\nHello", "refused"),
    "no such host": ("%env OPENAI_BASE_URL=https://a.invalid/v1\n%%llm -m openai:x\nHello", "not found"),
    "a certificate nobody knows": ("%env OPENAI_BASE_URL={tls}\n%%llm -m openai:x\nHello", "certificate"),
}  # fmt: skip


@pytest.mark.parametrize("case", CELLS)
def test_a_mistake_gets_one_card_and_the_history_is_unharmed(
    asked: Kernel, served: Served, tls: OpenAIServer, case: str
) -> None:
    cell, word = CELLS[case]
    if cell.startswith("%env"):
        line, _, cell = cell.partition("\n")
        asked.run(line.format(tls=tls.url))
    before = len(served.log())
    sentences = card(asked.run(cell, allow_stdin=True, cell_id=case))
    assert len(sentences) == 3 and len(set(sentences)) == 3, sentences
    assert word in " ".join(sentences), sentences
    assert "0123456789abcdef" not in " ".join(sentences)
    if case not in ("unknown model", "html instead of json"):
        assert len(served.log()) == before, "nothing was sent"

    asked.run(served.setup())
    asked.run("%%llm -m openai:echo\nAnd now?", allow_stdin=True, cell_id="follow-up")
    said = [message["content"] for message in served.log()[-1]["body"]["messages"]]
    assert said[0] == SAID and said[-1] == "And now?" and len(said) == 3, "the good turn, and nothing else"


def test_with_nobody_there_a_mistake_fails_the_run_after_its_card(asked: Kernel) -> None:
    run = asked.run("%%llm -m opnai\nHello", allow_stdin=False)
    assert run.status == "error" and run.markdown
    assert [error["ename"] for error in run.errors] == ["ConfigError"]
    assert "openai" in "\n".join(run.errors[0]["traceback"]), "the sentences, not the frames"
    assert len(run.errors[0]["traceback"]) == 1


def test_a_verb_that_is_none_names_the_nearest(asked: Kernel) -> None:
    assert "stats" in " ".join(card(asked.run("%llm stast", allow_stdin=True)))


def test_why_shows_the_details_of_the_last_error(asked: Kernel, served: Served) -> None:
    asked.run(served.setup())
    asked.run("%%llm -m openai:status:429:30\nHello", allow_stdin=True)
    markdown = asked.run("%llm why", allow_stdin=True).markdown
    assert "rate" in markdown and "429" in markdown and "30" in markdown


def test_why_also_knows_what_a_verb_ran_into(asked: Kernel) -> None:
    asked.run("%llm models nosuch", allow_stdin=True)
    assert "nosuch" in asked.run("%llm why", allow_stdin=True).markdown
