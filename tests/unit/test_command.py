"""The ``nbstream`` command, as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbstream import cli
from nbstream.cli.arguments import COMMANDS
from nbstream.i18n import set_language
from nbstream.providers import registry
from tests.browser.jupyter import free_port
from tests.environment import ROOT, clean

OTHER_KEYS = [one for one in os.environ if one.endswith(("_KEY", "_SECRET", "_AK", "_SK"))]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in OTHER_KEYS:
        monkeypatch.delenv(name)
    set_language("en")
    yield
    set_language(None)


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    """What ``nbstream LINE`` ends with, and what stands on both streams."""
    code = cli.main(line.split())
    out, err = capsys.readouterr()
    return code, out, err


def shell(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "nbstream", *words], cwd=folder, env=clean(folder / "home", **env),
        capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("line", ["", "--help", "-h", "help"])
def test_help_lists_each_command(capsys: pytest.CaptureFixture[str], line: str, lang: str) -> None:
    set_language(lang)
    code, out, err = run(capsys, line)
    assert code == 0 and not err
    assert all(f"nbstream {name}" in out for name in COMMANDS)
    assert ("磁带" in out) is (lang == "zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_words_and_options(
    capsys: pytest.CaptureFixture[str], name: str, lang: str
) -> None:
    set_language(lang)
    code, out, _ = run(capsys, f"{name} --help")
    assert code == 0
    assert out.splitlines()[0].endswith(("]", "FILE", "FILE …", "文件", "文件 …"))
    for option in COMMANDS[name].takes:
        assert option in out or not option.startswith("-")
    assert run(capsys, f"help {name}") == (0, out, "")


def test_a_group_alone_tells_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "tape")
    assert code == 0
    assert "nbstream tape check" in out and "nbstream demo" not in out


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("docter", "nbstream doctor"),
        ("Providers", "nbstream providers"),
        ("check a.tape", "nbstream tape check"),
        ("tape chekc a.tape", "nbstream tape check"),
        ("demo --prot 9000", "nbstream demo --port"),
        ("demo --port", "nbstream demo --help"),
        ("demo --port many", "nbstream demo --help"),
        ("demo --port 70000", "nbstream demo --help"),
        ("demo one two", "nbstream demo --help"),
        ("tape show", "nbstream tape show lesson.tape"),
        ("doctor sparc", "nbstream doctor spark"),
        ("providers deepsek", "nbstream providers deepseek"),
    ],
)
def test_what_is_not_understood_is_told_with_the_line_that_mends_it(
    capsys: pytest.CaptureFixture[str], line: str, mended: str
) -> None:
    for lang in ("en", "zh"):
        set_language(lang)
        code, out, err = run(capsys, line)
        assert code == 2 and not out
        assert err.rstrip().splitlines()[-1] == f"  → {mended}"
        assert "Traceback" not in err and "usage:" not in err
        assert len(err.splitlines()) == 3


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"nbstream {cli.__version__}\n", "")


# --- who can be asked ---------------------------------------------------------------------------------


def test_each_provider_has_a_row_with_its_variables_and_whether_its_key_is_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-0123456789abcdef0123")
    code, out, _ = run(capsys, "providers")
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert set(registry.names()) <= set(rows)
    assert "✓" in rows["deepseek"] and "✓" not in rows["mistral"]
    assert "SPARK_APP_ID SPARK_API_SECRET SPARK_API_KEY" in rows["spark"]
    assert registry.get("zhipu").key_page in rows["zhipu"]
    assert "0123456789" not in out


def test_one_provider_is_told_at_length_by_any_of_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "providers 星火")
    assert code == 0
    assert "SPARK_API_SECRET" in out and "4.0Ultra" in out and "wss://spark-api.xf-yun.com" in out


# --- the doctor ---------------------------------------------------------------------------------------


def test_the_doctor_ends_with_one_where_a_row_is_red_and_else_with_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, "doctor demo")[0] == 0
    code, out, _ = run(capsys, "doctor mistral")
    assert code == 1
    assert "✗  mistral" in out and "%llm login mistral" in out


# --- tapes --------------------------------------------------------------------------------------------


def test_a_tape_is_checked_line_by_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = ROOT / "notebooks/tapes/variables_and_tools.tape"
    code, out, _ = run(capsys, f"tape check {good}")
    assert (code, out.count("✓")) == (0, 1)
    spoilt = tmp_path / "spoilt.tape"
    lines = good.read_text("utf-8").splitlines()
    lines[1] = lines[1].replace(
        '"provider"', '"authorization": "Bearer sk-0123456789abcdef0123", "provider"', 1
    )
    spoilt.write_text("\n".join([*lines, "{half a line"]), "utf-8")
    code, out, _ = run(capsys, f"tape check {good} {spoilt}")
    assert code == 1
    assert "line 2: " in out and f"line {len(lines) + 1}: " in out and "line 3: " not in out
    assert "0123456789" not in out


def test_a_tape_is_shown_answer_by_answer(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, f"tape show {ROOT / 'notebooks/tapes/variables_and_tools.tape'}")
    assert code == 0
    assert len(out.splitlines()) == 9
    assert "成都" in out and "tool_calls" in out


@pytest.mark.parametrize("command", ["check", "show"])
@pytest.mark.parametrize("file", ["nowhere.tape", __file__])
def test_what_is_no_tape_is_said(capsys: pytest.CaptureFixture[str], command: str, file: str) -> None:
    code, out, err = run(capsys, f"tape {command} {file}")
    assert code == 1
    assert "→" in out + err and "Traceback" not in err and "mistake in nbstream" not in err


# --- what it is read on -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "lang", "word"), [("gbk", "zh_CN", "默认模型"), ("ascii", "zh_CN", "default model")]
)
def test_a_console_of_any_encoding_can_read_it(tmp_path: Path, encoding: str, lang: str, word: str) -> None:
    done = shell(
        tmp_path,
        "providers",
        LC_ALL=lang,
        PYTHONUTF8="0",
        PYTHONIOENCODING=encoding,
        GROQ_API_KEY="gsk-" + "1" * 30,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode(encoding)
    assert word in said
    assert "+" in next(line for line in said.splitlines() if line.startswith("groq"))
    assert "?" not in said.replace("?tab=model", "")


def test_who_stops_reading_is_shown_no_traceback(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "nbstream", "providers"],
            env=clean(tmp_path / "home"), stdout=pipe, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


def test_what_goes_wrong_in_nbstream_itself_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr(registry, "loaded", broken)
    code, _, err = run(capsys, "providers")
    assert code == 1
    assert "wires crossed" in err and "Traceback" not in err


# --- the demo -----------------------------------------------------------------------------------------


def test_without_jupyterlab_the_demo_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nbstream.cli.demo.find_spec", lambda name: None)
    code, _, err = run(capsys, "demo")
    assert code == 1
    assert err.rstrip().endswith(f"→ {sys.executable} -m pip install jupyterlab")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, _, err = run(capsys, f"demo {tmp_path / 'file'}")
    assert code == 1
    assert str(tmp_path / "file") in err and "Traceback" not in err


def test_the_demo_serves_copies_and_leaves_what_was_there(tmp_path: Path) -> None:
    port, mine = free_port(), tmp_path / "lessons/01_quickstart.ipynb"
    mine.parent.mkdir()
    mine.write_text('{"cells": [], "metadata": {"mine": true}, "nbformat": 4, "nbformat_minor": 5}')
    before = mine.read_bytes()
    env = clean(tmp_path / "home", JUPYTER_TOKEN="t0ken", NBSTREAM_LANG="zh", DISPLAY=":9", BROWSER="true")
    words = [sys.executable, "-m", "nbstream", "demo", "lessons", "--no-browser", "--port", str(port)]
    log = (tmp_path / "log").open("wb+")
    with subprocess.Popen(words, cwd=tmp_path, env=env, stdout=log, stderr=log) as server:
        try:
            listed = asked(server, f"http://127.0.0.1:{port}/api/contents?token=t0ken")
            first = asked(server, f"http://127.0.0.1:{port}/?token=t0ken")
        finally:
            server.terminate()
    log.seek(0)
    assert "01_quickstart.zh.ipynb" in listed
    assert "01_quickstart.zh.ipynb" in first  # the page that opens
    assert mine.read_bytes() == before
    assert str(mine.parent) in log.read().decode("utf-8").splitlines()[0]


def asked(server: subprocess.Popen[bytes], url: str) -> str:
    """What `url` answers, and the address that it led to."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with opener.open(url, timeout=30) as response:
                return f"{response.url}\n{response.read().decode('utf-8')}"
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.1)  # a process that starts has no event to wait for
    raise AssertionError("the server did not answer")
