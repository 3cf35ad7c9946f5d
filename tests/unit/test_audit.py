"""The audit log says who was asked when and how it ended, and never what was said."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from nbstream import NbstreamError
from nbstream.chat.audit import Audit
from nbstream.chat.session import Session


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_is_off_until_somebody_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Audit()("login", provider="openai")
    assert not list(tmp_path.iterdir())


def test_each_event_is_one_line_of_json_with_its_time(tmp_path: Path) -> None:
    audit = Audit()
    path = audit.open(tmp_path / "log.jsonl")
    audit("login", provider="spark")
    audit("turn", provider="spark", model="spark:4.0Ultra", output_tokens=12, seconds=1.23456789, error=None)
    first, second = lines(path)
    assert first["time"].endswith("Z")
    assert (first["event"], first["provider"]) == ("login", "spark")
    assert second["output_tokens"] == 12
    assert second["seconds"] == 1.2346
    assert "error" not in second  # what is not known is left out


def test_only_its_owner_can_read_it_even_if_it_was_open_to_all(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"time": "2026", "event": "turn"}\n')
    path.chmod(0o644)
    Audit().open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(Audit().open(tmp_path / "new.jsonl").stat().st_mode) == 0o600


def test_it_is_written_behind_what_stands_there(tmp_path: Path) -> None:
    for provider in ("spark", "ernie"):
        audit = Audit()
        path = audit.open(tmp_path / "log.jsonl")
        audit("login", provider=provider)
    assert [one["provider"] for one in lines(path)] == ["spark", "ernie"]


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"time": "2026", "event": "turn"}\n{"time": "2026", "ev')
    audit = Audit()
    audit.open(path)
    audit("logout", provider="spark")
    assert json.loads(path.read_text().splitlines()[-1])["event"] == "logout"


def test_a_text_is_one_short_line_whatever_is_in_it(tmp_path: Path) -> None:
    audit = Audit()
    path = audit.open(tmp_path / "log.jsonl")
    audit("attachment", name="a\nb" + "x" * 5000 + "\ud83d")
    (line,) = lines(path)
    assert line["name"].startswith("a b")
    assert len(line["name"]) == 200


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    audit = Audit()
    path = audit.open(tmp_path / "log.jsonl")
    threads = [
        threading.Thread(target=lambda: [audit("tool", name="f" * 150) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(path)) == 400


@pytest.mark.parametrize("text", ["# My notes\n", "[" * 9_000, '{"a": 1}\n', "[1]\n", "\x00\x01"])
def test_a_file_that_is_no_log_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(text)
    audit = Audit()
    with pytest.raises(NbstreamError) as caught:
        audit.open(path)
    audit("login", provider="spark")
    assert path.read_text() == text
    assert len({caught.value.what, caught.value.why, caught.value.fix}) == 3


@pytest.mark.parametrize("place", ["missing/log.jsonl", "."])
def test_a_path_that_cannot_be_written_is_said_at_once(place: str, tmp_path: Path) -> None:
    with pytest.raises(NbstreamError) as caught:
        Audit().open(tmp_path / place)
    assert caught.value.kind == "config"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_that_nobody_reads_does_not_stop_the_kernel(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NbstreamError):
        Audit().open(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full here")
def test_a_full_disk_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    audit = Audit()
    audit.open(tmp_path / "log.jsonl")
    audit.path = Path("/dev/full")
    audit("turn", provider="spark")
    audit("turn", provider="spark")
    error = audit.trouble()
    assert error is not None
    assert "/dev/full" in error.what
    assert audit.trouble() is None
    audit("turn", provider="spark")
    assert audit.trouble() is None  # one error, not one for each turn
    audit.path = tmp_path / "log.jsonl"
    audit("turn", provider="spark")
    audit.path = Path("/dev/full")
    audit("turn", provider="spark")
    assert audit.trouble() is not None  # it had worked again in between


def test_when_it_is_closed_nothing_more_is_written(tmp_path: Path) -> None:
    audit = Audit()
    path = audit.open(tmp_path / "log.jsonl")
    assert audit.close() == path
    audit("turn", provider="spark")
    assert not path.read_text()
    assert audit.close() is None


def test_logins_rotations_and_logouts_are_in_it_and_no_key_is(tmp_path: Path) -> None:
    session = Session()
    path = session.audit.open(tmp_path / "log.jsonl")
    keys = ["sk-canary-0123456789", "sk-canary-9876543210", "sk-canary-5555555555"]
    session.login("openai", api_key=keys[0])
    session.login("openai", keys[1:])
    session.logout()
    session.logout()
    events = [(line["event"], line["provider"], line.get("seats")) for line in lines(path)]
    assert events == [("login", "openai", 1), ("rotation", "openai", 2), ("logout", "openai", None)]
    assert "canary" not in path.read_text()


def test_a_turn_in_it_says_how_it_ended_and_what_it_took(tmp_path: Path) -> None:
    session = Session()
    path = session.audit.open(tmp_path / "log.jsonl")
    session.conversation().ask("a question nobody may read", model="demo", options={"delay": 0})
    with pytest.raises(NbstreamError):
        session.conversation().ask("another", model="openai:x", base_url="http://127.0.0.1:9/v1", retries=0)
    good, bad = lines(path)
    assert (good["event"], good["provider"], good["outcome"]) == ("turn", "demo", "done")
    assert good["output_tokens"] > 0
    assert good["seconds"] >= 0
    assert (bad["provider"], bad["model"], bad["outcome"]) == ("openai", "openai:x", "connection")
    assert "question" not in path.read_text()
