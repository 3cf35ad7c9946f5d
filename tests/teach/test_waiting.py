"""``%llm stream-vs-wait``: both ways are asked, the difference is said. And what a headless run leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbstream.i18n import set_language
from nbstream.messages import Answer, Timing
from nbstream.teach import waiting
from nbstream.teach.xray_record import Record
from tests.fakes.openai_server import OpenAIServer
from tests.kernel import headless
from tests.served import KEY, Served


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield running


def raced(model: str, prompt: str = "Tell me.") -> Any:
    return waiting.race(prompt, model)


def test_both_ways_are_asked_and_the_difference_is_said_in_words(server: OpenAIServer) -> None:
    data, _ = raced("openai:words:30@300")
    asked = [one.body for one in server.log]
    assert [one["stream"] for one in asked] == [True, False]
    assert asked[0]["messages"] == asked[1]["messages"], "the second knew of the first"
    lesson = re.search(r"after (.+?); waited for, after (.+?): (\d+)% less", data["text/plain"])
    assert lesson is not None
    assert int(lesson[3]) > 20
    assert data["text/html"].count("<svg") == 1
    assert "streamed" in data["text/html"]
    assert "waited for" in data["text/html"]
    bars = re.search(r"```text\n(.+)  streamed\n(.+)  waited for\n```", data["text/markdown"])
    assert bars is not None
    # The one has words all the way, the other at its end alone.
    seen = [re.search("[▁▂▃▄▅▆▇█]", bar) for bar in bars.groups()]
    assert seen[0] is not None
    assert seen[1] is not None
    assert seen[0].start() < seen[1].start()


def test_both_begin_alike_with_a_connection_of_their_own(server: OpenAIServer) -> None:
    raced("openai:words:5")
    raced("openai:words:5")
    assert len({one.connection for one in server.log}) == 4


def test_a_race_that_streaming_did_not_win_is_no_lesson() -> None:
    both = [
        waiting.Asked(one, Answer(timing=Timing(0.0, 0.2, 0.3, 1)), Record())
        for one in ("streamed", "waited")
    ]
    assert "nothing saved this time" in waiting._said(both)


def test_the_lesson_is_told_in_chinese_too(server: OpenAIServer) -> None:
    set_language("zh")
    try:
        assert re.search(r"减少 \d+%", raced("openai:words:10@300")[0]["text/plain"])
    finally:
        set_language(None)


def test_a_service_that_fails_is_asked_once(server: OpenAIServer) -> None:
    error = raced("openai:status:401")
    assert error.kind == "auth"
    assert len(server.log) == 1


def test_whoever_stops_the_first_is_not_made_to_wait_for_the_second(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(run: Any, sink: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "waited", interrupted)
    data, _ = raced("openai:endless")
    assert "nothing to compare" in data["text/plain"]
    assert len(server.log) <= 1


def test_a_notebook_that_nobody_watches_keeps_markdown_of_all_of_it(tmp_path: Path) -> None:
    cells = [
        "%load_ext nbstream",
        "%%llm --xray -m demo\nWhat is a token?",
        "%%llm --xray --no-stream -m openai:words:20\nAll at once.",
        "%%llm --xray --background -m openai:words:5\nMeanwhile.",
        "%llm stream-vs-wait -m openai:words:20@200",
        "%%llm --xray -m openai:status:401\nRefused.",
    ]
    with Served() as server:
        env = server.environment() | {"NBSTREAM_DEMO_SPEED": "max"}
        done = headless.execute("nbclient", cells, tmp_path, **env)
    assert done.code != 0, "the last cell failed"
    for index in (1, 2, 3):
        answer, xray = done.outputs(index)
        assert set(answer.data) == {"text/markdown", "text/plain"}
        assert xray.data["text/markdown"].startswith("**X-ray**")
    assert '"stream": false' in done.outputs(2)[1].data["text/markdown"]
    titles = [one.data.get("text/markdown", "") for one in done.outputs(4)]
    assert titles[0].startswith("**1")
    assert "less to wait" in titles[-1]
    kinds = [one.output_type for one in done.outputs(5)]
    assert kinds == ["display_data", "display_data", "error"]
    assert "failed" in done.outputs(5)[1].data["text/markdown"]
    assert KEY not in json.dumps(done.notebook)
    assert "widget-view" not in json.dumps(done.notebook)
