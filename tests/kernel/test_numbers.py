"""A long conversation in a real kernel: what the footer and the card say, ``%llm stats`` and ``%llm log``."""

from __future__ import annotations

import html
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.kernels import Kernel, running
from tests.served import Served

WORDS = " ".join(["notebook"] * 60)
MODEL = "openai:window:320"
SECRET = "what-is-said-here-stays-here"


@pytest.fixture(scope="module")
def talked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Served, Path]]:
    """A kernel with four turns behind it; the fifth is refused, and fits when its cell runs again."""
    folder = tmp_path_factory.mktemp("numbers")
    with Served() as served, running(folder) as kernel:
        assert kernel.run(served.setup()).status == "ok"
        log = folder / "log.jsonl"
        assert str(log) in kernel.run(f"%llm log {log}").markdown
        for number in range(4):
            run = kernel.run(f"%%llm -m {MODEL}\n{number} {SECRET} {WORDS}", cell_id=f"c{number}")
            assert "⟡" in run.markdown
            assert "context" not in run.markdown, "a short conversation needs no remark"
        yield kernel, served, log


def shown(markdown: str) -> str:
    """Without what keeps a dollar from beginning a formula."""
    return html.unescape(re.sub("</?span>", "", markdown))


def asked(served: Served) -> list[dict[str, Any]]:
    return [one["body"]["messages"] for one in served.log()]


def test_a_conversation_that_is_too_long_gets_a_card_and_goes_on_when_the_cell_runs_again(
    talked: tuple[Kernel, Served, Path],
) -> None:
    kernel, served, _ = talked
    cell = f"%%llm -m {MODEL}\nfifth {WORDS}"
    refused = kernel.run(cell, cell_id="c4").markdown
    assert "maximum context length is 320 tokens" in refused
    [fix] = re.findall(r"→ `(%%llm --new .*)`", refused)
    [out] = re.findall(r"then the (\d) oldest turns stay out", fix)
    again = kernel.run(cell, cell_id="c4").markdown
    [said] = re.findall(r"context: (\d) of 5 turns, (\d+) tokens", again)
    messages = asked(served)[-1]
    assert len(messages) == 2 * int(said[0]) - 1
    assert int(said[0]) == 5 - int(out), "as many as the card said"
    assert int(said[1]) == sum(len(one["content"].split()) for one in messages), "as the server counted"
    assert messages[-1]["content"].startswith("fifth"), "the prompt itself is whole"
    kernel.run("%llm lang zh")
    chinese = kernel.run(f"%%llm -m {MODEL}\nsixth {WORDS}", cell_id="c5").markdown
    kernel.run("%llm lang en")
    assert re.search(r"上下文：6 轮中的 \d 轮，\d+ tokens", chinese)


def test_stats_show_each_turn_its_tokens_times_and_failures(talked: tuple[Kernel, Served, Path]) -> None:
    kernel, _, _ = talked
    kernel.run("%%llm -m openai:flaky:1\nHello", cell_id="f")
    kernel.run("%%llm -m openai:status:404\nHello", cell_id="g")
    run = kernel.run("%llm stats -v", allow_stdin=True)
    [output] = run.outputs
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    page, table = output["data"]["text/html"], output["data"]["text/markdown"]
    assert "<svg" in page
    assert page.count("<title>") >= 7
    assert "unknown" in table, "an address of one's own has prices of its own"
    rows = [line for line in table.splitlines() if "window:320" in line]
    assert len(rows) >= 5
    assert any("too long" in row for row in rows)
    assert any("status:404" in line and "not found" in line for line in table.splitlines())
    total = next(line for line in table.splitlines() if line.startswith("| openai |"))
    cells = [cell.strip() for cell in total.split("|")]
    assert int(cells[2]) >= 8
    assert cells[-2] == "1", "one repeat"
    headless = kernel.run("%llm stats", allow_stdin=False)
    assert set(headless.outputs[0]["data"]) == {"text/markdown", "text/plain"}


def test_a_cost_stands_in_the_footer_where_the_price_is_known(talked: tuple[Kernel, Served, Path]) -> None:
    kernel, _, _ = talked
    kernel.run(
        "from nbstream.providers import facts as _f, known as _k\n"
        "_row = _k.Row('openai', 'words:20', 'test', '2026', price=_k.Price(10, 50))\n"
        "_f.ROWS, _f.at_home = (_row, *_f.ROWS), lambda *_: True\n_f._facts.cache_clear()"
    )
    run = kernel.run("%%llm -m openai:words:20 --new\n" + WORDS, cell_id="price")
    assert "≈ $0.0016" in shown(run.markdown)  # 60 words in, 20 out
    assert "$0.0016 + unknown" in shown(kernel.run("%llm stats").markdown)
    known = kernel.run("import nbstream\none = nbstream.stats()['openai']\nprint(one.costs, one.cost)")
    assert known.text.split() == ["{'USD':", "0.0016}", "None"]


def test_the_log_has_each_turn_and_none_of_what_was_said(talked: tuple[Kernel, Served, Path]) -> None:
    kernel, _, log = talked
    assert "openai" in kernel.run("%llm log").markdown or str(log) in kernel.run("%llm log").markdown
    kernel.run("%%llm -m openai:words:5\nlogged", cell_id="l")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    turns = [line for line in lines if line["event"] == "turn"]
    assert lines[0]["event"] == "policy"
    assert turns[0]["provider"] == "openai"
    assert turns[0]["model"] == MODEL
    assert turns[0]["outcome"] == "done"
    assert turns[0]["output_tokens"] == 20
    assert turns[0]["request_id"] == "req_fake"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert SECRET not in log.read_text()
    assert "notebook" not in log.read_text()
    assert "sk-" not in log.read_text()


def test_a_log_that_cannot_be_written_is_one_card_and_no_turn_is_lost(
    talked: tuple[Kernel, Served, Path],
) -> None:
    kernel, _, log = talked
    card = kernel.run("%llm log /no/such/folder/log.jsonl").markdown
    assert "⚠" in card
    assert str(log) in kernel.run("%llm log").markdown, "the other one goes on"
    full = "from nbstream.chat.session import session\nfrom pathlib import Path\n"
    assert kernel.run(full + "session().audit.path = Path('/dev/full')").status == "ok"
    first, second = (kernel.run("%%llm -m openai:words:5\nHello", cell_id=f"d{n}") for n in range(2))
    assert first.status == second.status == "ok"
    assert len(first.outputs) == 2
    assert "/dev/full" in first.markdown
    assert len(second.outputs) == 1, "told once"
    assert "off" in kernel.run("%llm log off").markdown
