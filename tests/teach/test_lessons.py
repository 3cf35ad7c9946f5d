"""The tapes of the notebooks: clean, and what the test servers say when they are asked today."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

import nbstream
from nbstream.errors import NbstreamError
from nbstream.teach import tape, tapecheck
from tests.environment import ROOT
from tests.fakes import ernie_server, ernie_v1_server, spark_server
from tests.fakes.lesson_servers import Lesson, LessonErnie, LessonErnieV1, LessonSpark

TAPES = sorted((ROOT / "notebooks/tapes").glob("*.tape"))
SERVERS = {
    "spark": (LessonSpark, spark_server),
    "ernie": (LessonErnie, ernie_server),
    "ernie-v1": (LessonErnieV1, ernie_v1_server),
}


@pytest.mark.parametrize("path", TAPES, ids=lambda path: path.stem)
def test_a_tape_of_a_notebook_is_clean_and_has_the_questions_that_the_notebook_asks(path: Any) -> None:
    assert tapecheck.check(path) == []
    told = tomllib.loads((ROOT / f"tools/lessons/{path.stem}.toml").read_text(encoding="utf-8"))
    asked = "".join(
        (ROOT / "notebooks" / f"{told['notebook']}{ending}.ipynb").read_text(encoding="utf-8")
        for ending in ("", ".zh")
    )
    for take in tape.read(path):
        assert any(line and line in asked for line in take.prompt.splitlines()), take.prompt


@pytest.mark.parametrize("provider", SERVERS)
def test_a_lesson_server_says_what_it_is_told_and_then_fails_if_it_is_told_to(provider: str) -> None:
    server, fake = SERVERS[provider]
    lesson = Lesson(pace=0)
    lesson.language = "zh"
    with server(lesson) as running:
        base = running.origin.replace("http", "ws", 1) if provider == "spark" else running.url
        where: dict[str, Any] = {"model": provider, "base_url": base, "credentials": fake.CREDENTIALS}
        lesson.cell({"en": "one", "zh": "先说“一”，再说“二”。" * 9})
        said = nbstream.ask("?", **where)
        assert said.text == "先说“一”，再说“二”。" * 9
        assert said.usage is not None and (said.usage.output_tokens or 0) > 20
        lesson.cell([{"zh": "先"}, {"error": "10013" if provider == "spark" else next(iter(fake.ERRORS))}])
        assert nbstream.ask("?", **where).text == "先"
        with pytest.raises(NbstreamError):
            nbstream.ask("?", retries=0, **where)
