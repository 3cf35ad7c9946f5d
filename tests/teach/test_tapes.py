"""Tapes: recorded from every service, played with nothing to connect to, and the same to whoever listens."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nbstream
from nbstream.chat.engine import Run
from nbstream.chat.session import session
from nbstream.errors import fail
from nbstream.i18n import set_language
from nbstream.messages import Event, Note, Opaque
from nbstream.teach import asked
from nbstream.teach.played import played_error
from nbstream.teach.playing import Tapes
from nbstream.teach.recording import Recorder
from nbstream.teach.scrubrefusal import scrubbed_error
from nbstream.teach.tape import Take, append, read
from nbstream.teach.tapecheck import check, show
from nbstream.wire import retry
from tests.canary.canaries import hits
from tests.fakes import spark_server
from tests.providers.speaking import WEATHER

SERVERS = {
    "openai": "openai_server:SERVER",
    "anthropic": "anthropic_server:SERVER",
    "gemini": "gemini_server:SERVER",
    "ollama": "ollama_server:SERVER",
    "ernie": "ernie_server:ErnieServer",
    "ernie-v1": "ernie_v1_server:ErnieV1Server",
    "spark-http": "spark_http_server:SERVER",
    "spark": "spark_server:SparkServer",
}
USUAL = ("words:12", "think:4", "tool", "broken:3", "cut:3", "status:401", "flaky:1", "garbage:2", "json")
OWN = {
    "spark": (
        *("words:12@200", "think:4", "call", "error:10013:2", "moderation:2", "cut:3", "reset:3", "close:2"),
        *("refuse:403", "clock:900", "refuse:401", "vector:ws-ping", "fragments"),
    ),
    "spark-http": ("words:12", "think:4", "vector:http-tool-object", "vector:http-error-json-200", "cut:3"),
    "ernie": (
        "words:12",
        "think:4",
        "call",
        "search",
        "moderated:4",
        "refuse:336501",
        "broken:336100",
        "cut:3",
    ),
    "ernie-v1": (
        "words:12",
        "call",
        "search",
        "moderated:4",
        "refuse:18",
        "flaky:1:18",
        "broken:336100",
        "reset:3",
    ),
}
CASES = [(name, how) for name in SERVERS for how in OWN.get(name, USUAL)]


class Heard:
    """What somebody heard who listened to one answer."""

    def __init__(self, stream: nbstream.Stream) -> None:
        self.events: list[Event] = []
        self.states: list[tuple[str, int, str | None]] = []
        run: Run = stream._run
        run.observer = self
        error: nbstream.NbstreamError | None = None
        try:
            for event in stream.events():
                self.events.append(event)
        except nbstream.NbstreamError as caught:
            error = caught
        self.answer = stream.answer
        self.error = error

    def state(self, state: Any) -> None:
        self.states.append((state.phase, state.attempt, state.error.kind if state.error else None))

    def batch(self, events: list[Event]) -> None:
        pass

    def done(self, answer: nbstream.Answer) -> None:
        pass

    @property
    def heard(self) -> dict[str, Any]:
        """All of it but ids, signatures and times, and but what says that there is a tape."""
        error, answer = self.error, self.answer
        plain = [
            Opaque(one.provider, None) if isinstance(one, Opaque) else one
            for one in self.events
            if not (isinstance(one, Note) and one.text in answer.notes[:1])
        ]
        unread = error is not None and error.case in ("unparsable", "no_answer")
        return {
            "events": plain,
            "text": answer.text,
            "reasoning": answer.reasoning,
            "calls": answer.tool_calls,
            "finish": (answer.finish_reason, answer.raw_finish_reason),
            "usage": answer.usage,
            "notes": answer.notes[1:],
            "states": self.states,
            "error": error
            and (error.kind, error.case, error.status, error.code, error.fix, error.retryable)
            + (_steady(error.what),)
            + (() if unread else (_steady(error.why),)),
        }


def _steady(text: str) -> str:
    """`text` without a request's id, and without the seconds by which a clock is off."""
    return re.sub(r"sid: ?[\w@]+|\d+ min \d+ s", "…", text)


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    set_language("en")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "FIRST", 0.01)
        yield
    set_language(None)


def asking(name: str, how: str, address: str, keys: dict[str, str] | None) -> nbstream.Stream:
    where, model = address, how
    if name == "spark":
        where, model = f"{address}/do/{how}", "any"
    return nbstream.stream(
        f"{name} does {how}",
        model=f"{name}:{model}",
        base_url=where,
        credentials=keys,
        retries=2,
        tools=[WEATHER] if how == "tool" else (),
    )


class Recorded:
    """A tape of everything, and what was heard when it was recorded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: dict[tuple[str, str], dict[str, Any]] = {}
        self.addresses: dict[str, str] = {}
        recorder = Recorder(str(path))
        with ExitStack() as stack:
            session().taps.append(recorder)
            stack.callback(session().taps.remove, recorder)
            for name, place in SERVERS.items():
                module, _, made = place.partition(":")
                fake = import_module(f"tests.fakes.{module}")
                server = stack.enter_context(getattr(fake, made)())
                self.addresses[name] = server.door if name == "spark" else server.url
                for case in (one for one in CASES if one[0] == name):
                    heard = Heard(asking(*case, self.addresses[name], dict(fake.CREDENTIALS)))
                    self.heard[case] = heard.heard
        assert recorder.trouble is None and recorder.takes == len(CASES)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, quickly: None) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("tapes") / "everything.tape")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket connects, no name is looked up."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was sent")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)


@pytest.fixture
def playing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Puts a tape in the place of all services, at once."""

    def play(path: Path, **more: Any) -> Tapes:
        made = Tapes(str(path), more.pop("speed", float("inf")), **more)
        monkeypatch.setattr(session(), "player", made)
        return made

    yield play


# --- what was recorded is heard again -------------------------------------------------------------------


@pytest.mark.parametrize(("name", "how"), CASES, ids=[f"{name}-{how}" for name, how in CASES])
def test_an_answer_is_played_as_it_was_heard_with_no_key_and_no_network(
    name: str, how: str, recorded: Recorded, playing: Any, offline: None
) -> None:
    playing(recorded.path)
    again = Heard(asking(name, how, recorded.addresses[name], None))
    assert again.heard == recorded.heard[name, how]
    assert again.answer.notes[0] == "played from everything.tape" and again.answer.tape == "everything.tape"


def test_the_tape_is_clean_and_can_be_looked_through(recorded: Recorded) -> None:
    assert check(str(recorded.path)) == []
    text = recorded.path.read_text("utf-8")
    for module in {place.partition(":")[0] for place in SERVERS.values()}:
        for field, secret in import_module(f"tests.fakes.{module}").CREDENTIALS.items():
            assert secret not in text, field
    assert spark_server.CREDENTIALS["app_id"] not in text and "authorization=" not in text
    rows = show(str(recorded.path)).splitlines()
    assert len(rows) == 2 + len(CASES)
    assert any("openai:flaky:1" in row and "503" in row and "stop" in row for row in rows), rows


def test_a_line_is_a_take_that_needs_no_other(recorded: Recorded, tmp_path: Path, playing: Any) -> None:
    head, *takes = recorded.path.read_text("utf-8").splitlines()
    assert json.loads(head) == {"nbstream": "tape", "version": 1} and len(takes) == len(CASES)
    part = tmp_path / "part.tape"
    part.write_text(f"{head}\n{takes[-1]}\n{takes[0]}\n", "utf-8")
    playing(part)
    name, how = CASES[0]
    assert Heard(asking(name, how, "http://127.0.0.1:9", None)).heard == recorded.heard[name, how]


# --- finding the right take, or none --------------------------------------------------------------------


def take(text: str, prompt: str = "Why is the sky blue?", **more: Any) -> Take:
    """A take made by hand, as a teacher would."""
    messages = more.pop("messages", [{"role": "user", "content": prompt}])
    ask = {"provider": "openai", "model": "m", "messages": messages} | more
    frames = [[0.2, {"choices": [{"delta": {"content": piece}}]}] for piece in text.split("|")]
    end = [0.1, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    return Take(ask, [{"connect": 0.1, "frames": [*frames, end, [0, "[DONE]"]]}], {}, "sse")


def a_tape(path: Path, *takes: Take) -> Path:
    for one in takes:
        append(path, one)
    return path


def said(prompt: Any = "Why is the sky blue?", model: str = "openai:m", **more: Any) -> nbstream.Answer:
    return nbstream.ask(prompt, model=model, **more)


def test_the_same_question_gives_its_takes_in_order_and_then_the_last_again(
    tmp_path: Path, playing: Any
) -> None:
    playing(a_tape(tmp_path / "a.tape", take("one"), take("other", "hi"), take("two")))
    assert [said().text for _ in range(3)] == ["one", "two", "two"]
    assert said("hi").text == "other"


def test_a_prompt_that_was_asked_in_another_conversation_is_played_and_said_to_be(
    tmp_path: Path, playing: Any
) -> None:
    playing(a_tape(tmp_path / "a.tape", take("one")))
    talk = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello."},
        "Why is the sky blue?",
    ]
    assert said(talk).notes == ("played from a.tape, where this was different: the earlier messages",)
    answer = said(system="Be brief.", temperature=0.1)
    assert answer.notes == (
        "played from a.tape, where this was different: the system prompt, the temperature",
    )


def test_a_changed_prompt_is_never_answered_and_shows_what_changed(
    tmp_path: Path, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = a_tape(tmp_path / "a.tape", take("one", "Name three rivers."), take("two"))
    playing(path)
    with pytest.raises(nbstream.NbstreamError) as caught:
        said("Why is the sea blue?")
    error = caught.value
    assert (error.kind, error.case) == ("not_found", "tape_prompt")
    assert "a.tape" in error.what
    assert "What changed: “sky” → “sea”" in error.why and "“Why is the sky blue?”" in error.why
    assert error.fix.startswith("Ask in those words")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    with pytest.raises(nbstream.NbstreamError) as caught:
        said("Why is the sea blue?")
    assert caught.value.fix == f"%llm record {path}"


def test_a_line_to_paste_is_one_line_whose_words_are_quoted(
    tmp_path: Path, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    path = a_tape(tmp_path / "my lesson.tape", take("one", model="x\n!rm -rf ~"))
    playing(path)
    for prompt, line in (
        ("Who are you?", ["%llm", "record", str(path)]),
        ("Why is the sky blue?", ["%%llm", "-m", "openai:x…!rm -rf ~"]),
    ):
        with pytest.raises(nbstream.NbstreamError) as caught:
            said(prompt)
        assert shlex.split(caught.value.fix) == line
    path.unlink()
    with pytest.raises(nbstream.NbstreamError) as caught:
        read(path)
    assert shlex.split(caught.value.fix)[-3:] == ["%llm", "replay", "/path/to/my lesson.tape"]


def test_another_models_words_are_not_passed_off_as_this_ones(tmp_path: Path, playing: Any) -> None:
    playing(a_tape(tmp_path / "a.tape", take("one")))
    for model in ("openai:other", "spark:4.0Ultra"):
        with pytest.raises(nbstream.NbstreamError) as caught:
            said(model=model)
        assert caught.value.case == "tape_model" and "openai:m" in caught.value.why
        assert caught.value.fix == "%%llm -m openai:m"


def test_whoever_names_no_model_gets_that_of_the_tape(tmp_path: Path, playing: Any) -> None:
    playing(a_tape(tmp_path / "a.tape", take("one")))
    assert nbstream.ask("Why is the sky blue?").model == "openai:m"


SAID = {"content": "blue"}


@pytest.mark.parametrize(
    ("model", "dialect", "frames"),
    [
        ("spark:class-7b", "websocket", [{"payload": {"choices": {"status": 2, "text": [SAID]}}}]),
        ("litellm:bedrock/some-model", "library", [{"choices": [{"delta": SAID, "finish_reason": "stop"}]}]),
        ("ollama:school", "ndjson", [{"message": SAID, "done": True, "done_reason": "stop"}]),
        ("vllm:school", "sse", [{"choices": [{"delta": SAID, "finish_reason": "stop"}]}, "[DONE]"]),
    ],
)
def test_a_tape_of_a_gateways_own_model_plays_where_nobody_knows_gateway_model_or_package(
    model: str, dialect: str, frames: list[Any], tmp_path: Path, playing: Any, offline: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("nbstream.providers.litellm.find_spec", lambda name: None)
    provider, _, name = model.partition(":")
    ask = {"provider": provider, "model": name, "messages": [{"role": "user", "content": "Why?"}]}
    played = [[0, frame] for frame in frames]
    playing(a_tape(tmp_path / "a.tape", Take(ask, [{"connect": 0, "frames": played}], {}, dialect)))
    assert nbstream.ask("Why?").text == "blue", "the tape says which model"
    monkeypatch.setattr(session(), "chosen", None)
    assert nbstream.use(model) == model
    assert nbstream.ask("Why?").text == "blue"
    for address in ("http://198.51.100.7/v1", "none"):  # at which nobody would ask: plain, and none at all
        monkeypatch.setenv(f"{provider.upper()}_BASE_URL", address)
        assert nbstream.ask("Why?").text == "blue"


def test_demo_needs_no_tape(tmp_path: Path, playing: Any) -> None:
    playing(a_tape(tmp_path / "a.tape", take("one")))
    answer = nbstream.ask("hello", model="demo", options={"delay": 0})
    assert answer.finish_reason == "stop" and answer.tape is None


def test_rounds_of_tools_are_takes_of_their_own(tmp_path: Path, playing: Any) -> None:
    first = {"role": "user", "content": "How is the weather?"}
    call = {"id": "call_1", "name": "weather", "arguments": "{}"}
    second = [first, {"role": "assistant", "content": "", "tool_calls": [call]}]
    second += [{"role": "tool", "content": "18", "tool_call_id": "call_1"}]
    path = a_tape(tmp_path / "a.tape", take("look", messages=[first]), take("18 degrees", messages=second))
    playing(path)
    assert said("How is the weather?").text == "look"
    given = json.loads(json.dumps(second))
    given[1]["tool_calls"] = [{"id": "call_1", "function": {"name": "weather", "arguments": "{}"}}]
    assert said(given).text == "18 degrees"
    given[2]["content"] = "21"
    answer = said(given)
    assert answer.text == "18 degrees"
    assert answer.notes == ("played from a.tape, where this was different: what the tools gave",)
    with pytest.raises(nbstream.NbstreamError) as caught:
        said([*given, {"role": "assistant", "content": "x", "tool_calls": given[1]["tool_calls"]}, given[2]])
    assert caught.value.case == "tape_round"


def test_pictures_are_known_by_their_hash_and_stay_at_home(tmp_path: Path, playing: Any) -> None:
    image = nbstream.Attachment("image/png", b"\x89PNG\r\n\x1a\n" + b"secret pixels", "me.png")
    from nbstream.messages import ChatRequest, Message

    ask = asked.asked("openai", ChatRequest((Message("user", "What is this?", attachments=(image,)),), "m"))
    assert "pixels" not in json.dumps(ask) and "me.png" not in json.dumps(ask)
    path = a_tape(tmp_path / "a.tape", Take(ask, take("a cat").attempts))
    playing(path)
    assert said(Message("user", "What is this?", attachments=(image,))).notes == ("played from a.tape",)
    other = nbstream.Attachment("image/png", image.data + b"!", "you.png")
    for attachments, named in (((other,), "you.png"), ((image, other), "me.png, you.png"), ((), "nothing")):
        with pytest.raises(nbstream.NbstreamError) as caught:
            said(Message("user", "What is this?", attachments=attachments))
        assert caught.value.case == "tape_attachment" and caught.value.what.endswith(f"attached: {named}.")


# --- its pace -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speed", "wanted"), [(1.0, [0.1, 0.3, 0.5, 0.7]), (4.0, [0.025, 0.075, 0.125, 0.175])]
)
def test_a_tape_keeps_its_pace_or_a_multiple_of_it(
    speed: float, wanted: list[float], tmp_path: Path, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbstream.teach import played as module

    now, came = [0.0], []

    async def passes(seconds: float) -> None:
        now[0] += seconds
        came.append(round(now[0], 3))

    class Clock:
        time = monotonic = staticmethod(lambda: now[0])

    class Loop:
        CancelledError, current_task, Task = asyncio.CancelledError, asyncio.current_task, asyncio.Task
        sleep = staticmethod(passes)

    playing(a_tape(tmp_path / "a.tape", take("a|b|c")), speed=speed)
    monkeypatch.setattr(module, "asyncio", Loop)
    monkeypatch.setattr(module, "time", Clock)
    said()
    assert came[:4] == wanted


def test_an_answer_that_was_stopped_is_one_that_was_stopped_again(tmp_path: Path, playing: Any) -> None:
    path = tmp_path / "a.tape"
    with nbstream.tape(str(path), "record"):
        stream = nbstream.stream("Why does streaming feel faster?", model="demo", options={"delay": 0.001})
        for _ in zip(range(5), stream, strict=False):
            pass
        stream.cancel()
        text = stream.wait().text
    playing(path)
    again = nbstream.ask("Why does streaming feel faster?", model="demo", options={"delay": 0.001})
    assert again.finish_reason == "cancelled" and again.text == text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_break_is_told_in_the_language_of_whoever_hears_it(
    language: str, tmp_path: Path, playing: Any
) -> None:
    path = tmp_path / "a.tape"
    with nbstream.tape(str(path), "record"), pytest.raises(nbstream.NbstreamError):
        nbstream.ask("hi", model="openai:m", base_url="http://127.0.0.1:9", credentials={}, retries=0)
    playing(path)
    set_language(language)
    try:
        with pytest.raises(nbstream.NbstreamError) as caught:
            nbstream.ask("hi", model="openai:m", retries=0)
        wanted = fail("connection.refused", address="http://127.0.0.1:9")
    finally:
        set_language("en")
    assert (caught.value.what, caught.value.why) == (wanted.what, wanted.why)


def test_what_a_library_refused_keeps_its_numbers() -> None:
    error = fail(
        "rate_limit.service", provider="litellm", status=429, code="slow", retry_after=3.0,
        label="LiteLLM", message="slow down", key_page="",
    )  # fmt: skip
    again = played_error(json.loads(json.dumps(scrubbed_error(error, lambda text: text))))
    for name in ("kind", "case", "what", "why", "status", "code", "retry_after", "retryable"):
        assert getattr(again, name) == getattr(error, name), name


@pytest.mark.parametrize(
    "broke",
    [
        {"error": "connection.zzz", "what": "Your kernel is old.", "why": "So.", "fix": "!evil | sh"},
        {"error": "auth.service", "facts": {"provider": "x\n!evil | sh", "label": "X", "message": "no"}},
        {"error": "config.option", "facts": {"line": "!evil | sh", "provider": "!evil", "nearest": "!evil"}},
    ],
)
def test_the_line_to_paste_is_never_one_of_the_tape(broke: dict[str, Any]) -> None:
    error = played_error(broke)
    assert "evil" not in error.fix and error.fix
    assert "Your kernel is old." not in error.what


@pytest.mark.parametrize("name", ["openai", "spark"])
def test_an_answer_that_was_wanted_whole_is_played_whole(
    name: str, tmp_path: Path, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = import_module(f"tests.fakes.{name}_server")
    how: dict[str, Any] = {"model": f"{name}:words:8", "stream": False}
    path = tmp_path / "a.tape"
    with getattr(fake, SERVERS[name].partition(":")[2])() as server:
        address = f"{server.door}/do/words:8" if name == "spark" else server.url
        how |= {"model": "spark:any"} if name == "spark" else {}
        with nbstream.tape(str(path), "record"):
            first = nbstream.ask("hi", base_url=address, credentials=dict(fake.CREDENTIALS), **how)
    playing(path)
    again = nbstream.stream("hi", base_url=address, **how)
    assert len(list(again)) == 1 or name == "spark"
    assert again.answer.text == first.text and again.answer.usage == first.usage
    assert read(path)[0].ask["stream"] is False and check(str(path)) == []


def test_whoever_iterates_in_a_loop_of_their_own_hears_the_same_at_once_with_others(
    tmp_path: Path, playing: Any, offline: None
) -> None:
    playing(a_tape(tmp_path / "a.tape", *(take(f"answer {n}|!", f"prompt {n}") for n in range(20))))

    async def listen(number: int) -> str:
        stream = nbstream.stream(f"prompt {number}", model="openai:m")
        return "".join([text async for text in stream])

    async def everybody() -> list[str]:
        return await asyncio.gather(*map(listen, range(20)))

    assert asyncio.run(everybody()) == [f"answer {n}!" for n in range(20)]


# --- files ------------------------------------------------------------------------------------------------


def test_two_branches_of_a_project_that_record_on_one_tape_merge(tmp_path: Path, playing: Any) -> None:
    def git(*words: str) -> str:
        made = subprocess.run(["git", *words], cwd=tmp_path, capture_output=True, text=True)
        return made.stdout + made.stderr

    def commit(text: str) -> None:
        git("add", ".")
        assert "changed" in git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-m", text)

    git("init", "-q", "-b", "main")
    (tmp_path / ".gitattributes").write_text("*.tape merge=union\n")
    path = a_tape(tmp_path / "a.tape", take("one", "first"))
    commit("begin")
    git("checkout", "-qb", "other")
    a_tape(path, take("two", "second"), take("four", "both"))
    commit("other")
    git("checkout", "-q", "main")
    a_tape(path, take("three", "third"), take("four", "both"))
    commit("main")
    assert "CONFLICT" not in git("-c", "user.name=t", "-c", "user.email=t@example.org", "merge", "other")
    playing(path)
    words = [said(prompt).text for prompt in ("first", "second", "third", "both")]
    assert words == ["one", "two", "three", "four"]
    assert check(str(path)) == [] or {one.what[:9] for one in check(str(path))} == {"This line"}


def test_a_conflict_that_was_left_in_a_tape_loses_nothing_and_is_told(tmp_path: Path, playing: Any) -> None:
    path = a_tape(tmp_path / "a.tape", take("one", "first"))
    ours, theirs = take("two", "second").written(), take("three", "third").written()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n{ours}")
    playing(path)
    assert [said(prompt).text for prompt in ("first", "second", "third")] == ["one", "two", "three"]
    assert [(one.line, one.what) for one in check(str(path))] == [
        (3, "git left the mark of a conflict here."),
        (5, "git left the mark of a conflict here."),
        (7, "git left the mark of a conflict here."),
        (8, "This line is the same as line 4."),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"ask": {"provider": "openai", "messages": [',
            "it is not JSON: something is wrong at character 45",
        ),
        ('{"ask": "hi"}', "it does not say what was asked"),
        ('{"ask": {"provider": "openai"}, "attempts": []}', "“attempts” must be a list of objects"),
        ('{"ask": {"provider": "openai"}, "attempts": [{"frames": [[0.1, "a"], "b"]}]}', "frame 2 is not"),
        ('{"ask": {"provider": "openai"}, "attempts": [{"frames": [[-1, "a"]]}]}', "0 to 3600, not -1"),
        ('{"ask": {"provider": "openai"}, "attempts": [{"connect": NaN}]}', "0 to 3600, not NaN"),
        ('{"ask": {"provider": "openai"}, "attempts": [{"refused": 3}]}', "“refused” must be an object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_line_is_named_with_what_is_wrong_with_it(line: str, reason: str, tmp_path: Path) -> None:
    path = a_tape(tmp_path / "a.tape", take("one"))
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(nbstream.NbstreamError) as caught:
        read(path)
    assert caught.value.case == "tape_line" and caught.value.what.startswith("Line 3 of")
    assert reason in caught.value.why
    assert [one.line for one in check(str(path))] == [3]


@pytest.mark.parametrize(
    ("content", "case"),
    [
        (b'{"nbstream": "tape", "version": 2}\n', "tape_newer"),
        (b"# notes\n", "tape_other"),
        (b"\xff\xfe\x00", "tape_other"),
        (b'{"cells": []}', "tape_other"),
    ],
)
def test_a_file_that_is_no_tape_of_ours_is_refused_in_words_and_left_alone(
    content: bytes, case: str, tmp_path: Path
) -> None:
    path = tmp_path / "lesson.tape"
    path.write_bytes(content)
    for use in (Recorder, Tapes, read):
        with pytest.raises(nbstream.NbstreamError) as caught:
            use(str(path))
        assert caught.value.case == case
    assert path.read_bytes() == content
    with pytest.raises(nbstream.NbstreamError) as caught:
        read(tmp_path / "leson.tape")
    assert caught.value.case == "tape_missing" and "lesson.tape" in caught.value.why


def test_a_take_is_added_whole_or_not_at_all_and_behind_a_line_that_was_cut(tmp_path: Path) -> None:
    path = a_tape(tmp_path / "a.tape", take("one"))
    with path.open("a") as file:
        file.write('{"nbstream": "tape", "version": 1}')  # without its end of line
    append(path, take("two"))
    assert [one.attempts[0]["frames"][0][1]["choices"][0]["delta"]["content"] for one in read(path)] == [
        "one",
        "two",
    ]
    large = take("x" * 17_000_000)
    with pytest.raises(nbstream.NbstreamError) as caught:
        append(path, large)
    assert caught.value.case == "tape_take_large" and len(read(path)) == 2


def test_characters_that_end_lines_elsewhere_end_none_here(tmp_path: Path) -> None:
    odd = "a\u2028b\u0085c\u2029d\x0be\r\nf \ud83d"
    path = a_tape(tmp_path / "a.tape", take("one", odd))
    assert [one.prompt for one in read(path)] == [odd]
    assert len(path.read_text("utf-8").splitlines()) == 2


# --- what a tape holds of secrets -------------------------------------------------------------------------


def test_a_tape_that_somebody_filled_with_canaries_is_told_line_by_line(tmp_path: Path) -> None:
    from tests.canary.canaries import canary
    from tests.teach.frames import with_canaries

    path = a_tape(tmp_path / "a.tape", take("one"))
    dirty = with_canaries(json.loads(path.read_text("utf-8").splitlines()[1]))
    signed = "https://h.example/a?signature=0123456789abcdef"
    wrong = [dirty, {**json.loads(take("two", "key sk-0123456789abcdef").written())}]
    wrong.append(json.loads(take(f"see {signed}|").written()))
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in wrong)
    found = check(str(path))
    assert {one.line for one in found} == {3, 4, 5}
    assert not hits("\n".join(f"{one.what} {one.fix}" for one in found))
    assert canary("x") not in str(found) and "0123456789" not in str(found)
    # Each object that holds an unknown field is named.
    named = " ".join(one.what for one in found if one.line == 3)
    for field in ("x_debug", "ask.user", "frames[1].system_fingerprint", "frames[1].choices.delta.user"):
        assert field in named, field


def test_heads_and_values_of_the_wrong_kind_are_told_too_and_never_shown(tmp_path: Path) -> None:
    secret = "sk-0123456789abcdef0123"
    path = a_tape(tmp_path / "a.tape", take("one"))
    head, line = path.read_text("utf-8").splitlines()
    spoilt = [json.dumps({**json.loads(head), "note": secret})]
    for field, value in [("transport", secret), ("ask", {"provider": secret, "messages": []})]:
        spoilt.append(json.dumps({**json.loads(line), field: value}))
    spoilt.append(json.dumps({**json.loads(line), "attempts": [{"connect": secret}]}))
    path.write_text("\n".join([*spoilt[:1], line, *spoilt]) + "\n", encoding="utf-8")
    found = check(str(path))
    assert {one.line for one in found} == {1, 3, 4, 5, 6}
    assert "0123456789" not in str(found)
    (tmp_path / "empty.tape").touch()
    assert [one.line for one in check(str(tmp_path / "empty.tape"))] == [0]


def test_a_credential_of_this_environment_is_found_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.canary.canaries import spellings

    monkeypatch.setenv("SPARK_APP_ID", "5f1e2d3c")
    assert check(str(a_tape(tmp_path / "app.tape", take("my app is 5f1e2d3c"))))
    secret = "xq7+/pL=2mN9vB4kR8wZ"
    monkeypatch.setenv("QIANFAN_API_KEY", secret)
    for spelled in spellings(secret).values():
        path = tmp_path / "a.tape"
        path.unlink(missing_ok=True)
        a_tape(path, take(f"it is {spelled.decode()} there"))
        assert check(str(path)), spelled


# --- --tape: known or asked ------------------------------------------------------------------------------


def test_what_a_tape_does_not_have_is_asked_once_and_recorded(tmp_path: Path) -> None:
    path = str(tmp_path / "a.tape")
    with nbstream.tape(path, speed="max"):
        first = nbstream.ask("hello", model="demo", options={"delay": 0})
        again = nbstream.ask("hello", model="demo", options={"delay": 0})
    assert first.notes == ("recorded on a.tape",) and first.tape is None
    assert again.text == first.text and [one.prompt for one in read(path)] == ["hello"]


@pytest.mark.parametrize(("part", "case"), [("append", "tape_unwritten"), ("scrubbed_frame", "tape_failed")])
def test_an_answer_that_could_not_be_recorded_does_not_say_that_it_was(
    part: str, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbstream.teach import recording

    path, answers = tmp_path / "a.tape", []
    kept = getattr(recording, part)

    def fails(*given: Any) -> Any:
        if part == "append":  # the tape has become a folder meanwhile
            path.unlink()
            path.mkdir()
            return kept(*given)
        raise ZeroDivisionError

    monkeypatch.setattr(recording, part, fails)
    with pytest.raises(nbstream.NbstreamError) as caught, nbstream.tape(str(path), "record"):
        answers.append(nbstream.ask("hello", model="demo", options={"delay": 0}))
    assert caught.value.case == case
    assert answers[0].text and answers[0].notes == ()


def test_a_tape_never_grows_beyond_what_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbstream.teach import tape

    path = a_tape(tmp_path / "my lesson.tape", take("one"))
    monkeypatch.setattr(tape, "LARGEST", path.stat().st_size + 50)
    with pytest.raises(nbstream.NbstreamError) as caught:
        a_tape(path, take("two", "hi"))
    assert caught.value.case == "tape_full" and len(read(path)) == 1
    assert shlex.split(caught.value.fix) == ["%llm", "record", "my lesson-2.tape"]


def test_what_changed_in_a_long_prompt_of_few_words_is_found_in_no_time() -> None:
    assert asked.changed("天地" * 2000, "天地人" * 1300).endswith("…")  # minutes, were all of it compared
    assert asked.changed("ab " * 3000 + "end", "ab " * 3000 + "stop") == "“end” → “stop”"


def test_a_failure_is_not_kept_for_good_by_a_tape_that_spares_asking(tmp_path: Path) -> None:
    path = str(tmp_path / "a.tape")
    with nbstream.tape(path), pytest.raises(nbstream.NbstreamError):
        nbstream.ask("hi", model="openai:m", base_url="http://127.0.0.1:9", retries=0)
    assert read(path) == []


def test_without_a_key_a_changed_prompt_says_what_the_tape_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = a_tape(tmp_path / "a.tape", take("one"))
    with nbstream.tape(str(path), speed="max"):
        assert said().text == "one"
        with pytest.raises(nbstream.NbstreamError) as caught:
            said("Why is the sea blue?")
    assert caught.value.case == "tape_prompt"


def test_of_a_provider_of_which_nobody_said_what_is_safe_nothing_is_recorded(tmp_path: Path) -> None:
    from nbstream.chat.call import Call
    from nbstream.messages import ChatRequest, Message
    from nbstream.providers.demo import Demo

    class Other(Demo):
        name = "other"

    recorder = Recorder(str(tmp_path / "a.tape"))
    assert recorder(Call(Other(), ChatRequest(Message.many("hi"), ""), {})) is None
    assert recorder.trouble is not None and recorder.trouble.case == "tape_dialect"
    assert "other" in recorder.trouble.what
    Other.frame_shape = {"text": "text", "done": "word"}  # type: ignore[attr-defined]
    assert recorder(Call(Other(), ChatRequest(Message.many("hi"), ""), {})) is not None


def test_what_was_played_cost_nothing(tmp_path: Path, playing: Any) -> None:
    from nbstream.chat.stats import ProviderStats

    playing(a_tape(tmp_path / "a.tape", take("one")))
    counted = ProviderStats("openai")
    turn = counted.add(said(), [])
    assert turn.tape and turn.cost is not None and counted.cost == 0.0


@pytest.mark.parametrize("page", ["tapes.md", "tapes.zh.md"])
def test_the_example_in_the_docs_is_a_tape_that_plays(page: str, tmp_path: Path, playing: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    example = next(re.finditer(r"```json\n(.*?)```", text, re.S))[1]
    path = tmp_path / "lesson.tape"
    path.write_text(example, "utf-8")
    assert check(str(path)) == []
    playing(path)
    assert nbstream.ask("你好").text == "你好！"
