"""What a teacher allows holds wherever a service is asked; a file that is wrong allows less, never more."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat import policy as policies
from nbstream.chat.call import Call
from nbstream.chat.conversation import Conversation
from nbstream.chat.ledger import Ledger
from nbstream.chat.rules import read
from nbstream.chat.session import Session
from nbstream.chat.stream import Stream
from nbstream.chat.tap import Player
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.magics.verbs import VERBS, finding
from nbstream.messages import Answer
from nbstream.panel.offers import offers
from nbstream.wire.request import Frame, WireRequest
from nbstream.wire.transport import Opening
from tests.fakes.openai_server import OpenAIServer

KEY = "sk-of-this-test-0123456789"
CANARY = "what-was-said-stays-unsaid"
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: OpenAIServer) -> Iterator[Path]:
    """A machine with no policy, a service that answers, and a state folder of its own."""
    monkeypatch.setattr(policies, "places", lambda: [tmp_path / "etc/policy.toml"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.delenv("NBSTREAM_POLICY", raising=False)
    server.log.clear()
    yield tmp_path
    set_language(None)


@pytest.fixture
def write(place: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    def written(text: str, *, system: bool = False) -> Path:
        path = place / ("etc/policy.toml" if system else "policy.toml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if not system:
            monkeypatch.setenv("NBSTREAM_POLICY", str(path))
        return path

    return written


def ask(here: Session, model: str = "openai:words:5", prompt: str = "Hi", **options: Any) -> Answer:
    return Stream(here.run(here.call(prompt, model=model, **options))).wait()


def refused(here: Session, model: str = "openai:words:5", **options: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        ask(here, model, **options)
    assert caught.value.kind == "permission"
    return caught.value


def spent(here: Session) -> int:
    return here.policy.ledger.used(float("inf"))[1]


# --- models -------------------------------------------------------------------------------------------


def test_where_there_is_no_policy_nothing_is_held_up_and_nothing_is_written(place: Path) -> None:
    assert ask(Session()).text
    assert not (place / "state").exists()


def test_only_the_models_of_the_list_are_asked_and_demo(write: Write, server: OpenAIServer) -> None:
    path = write('models = ["spark", "openai:words:*"]\nnote = "Room 3."')
    here = Session()
    assert ask(here, "openai:words:5").text
    assert ask(here, "demo", options={"delay": 0}).text
    error = refused(here, "openai:rich:5")
    assert error.case == "policy_model" and "openai:rich:5" in error.what
    assert str(path) in error.why and "spark" in error.why and "Room 3." in error.why
    assert len(server.log) == 1


@pytest.mark.parametrize(
    ("pattern", "asked", "good"),
    [
        ("openai", "openai:gpt-5", True),
        ("OpenAI:GPT-*", "openai:gpt-5", True),
        ("openai:gpt-5", "openai:gpt-5-pro", False),
        ("星火", "spark:lite", True),
        ("*:*-mini", "openai:gpt-5-mini", True),
        ("*:*-mini", "openai:gpt-5", False),
        ("no-such-provider", "openai:gpt-5", False),
    ],
)
def test_a_pattern_is_a_provider_or_its_models_in_any_case(
    pattern: str, asked: str, good: bool, write: Write
) -> None:
    assert read(write(f'models = ["{pattern}"]')).allows(asked) is good


def test_demo_only_leaves_demo_and_is_what_one_gets_unasked(write: Write) -> None:
    here = Session()
    assert here.default_model() == "openai"
    write("demo_only = true")
    here = Session()
    assert here.default_model() == "demo"
    assert refused(here).case == "policy_model"


def test_a_model_that_is_not_allowed_cannot_be_chosen_either(write: Write) -> None:
    write('models = ["openai:words:5"]')
    here = Session()
    for name in ("openai:gpt-5", "ollama", "ernie"):
        with pytest.raises(NbstreamError) as caught:
            here.use(name)
        assert "%llm use openai:words:5" in caught.value.fix
    assert here.chosen is None and here.use("openai:words:5") and here.use("demo")


def test_every_road_to_a_service_is_held(write: Write, server: OpenAIServer) -> None:
    write("demo_only = true")
    here = Session()
    talk = Conversation("main", here)
    for road in (
        lambda: talk.begin("Hi", model="openai:words:5"),
        lambda: here.call("Hi", model="openai", credentials={"api_key": KEY}, base_url=server.url),
        lambda: here.call("Hi", model="openai", schema=int),
    ):
        with pytest.raises(NbstreamError) as caught:
            road()
        assert caught.value.case == "policy_model"
    assert talk.turns == [] and not server.log


def test_a_policy_that_came_later_holds_the_next_round_and_the_next_retry(
    write: Write, server: OpenAIServer
) -> None:
    here = Session()
    prepared = here.call("Hi", model="openai:words:5")
    write("demo_only = true", system=True)
    with pytest.raises(NbstreamError) as caught:
        Stream(here.run(prepared)).wait()
    assert caught.value.case == "policy_model" and not server.log


@pytest.mark.parametrize("name", ["model", "domain", "models"])
def test_no_option_asks_another_model(name: str, write: Write, server: OpenAIServer) -> None:
    write('models = ["openai:words:*"]')
    error = refused(Session(), options={"extra": [{name: ["words:5", "rich:5"]}]})
    assert error.case == "policy_option" and name in error.what and not server.log
    assert ask(Session(), options={"model": "words:3"}).text  # which is allowed


def test_several_keys_are_none_the_worse_for_a_refusal(write: Write) -> None:
    here = Session()
    here.keys.login("openai", [KEY, KEY + "x"])
    prepared = here.call("Hi", model="openai:words:5")
    write("demo_only = true", system=True)
    with pytest.raises(NbstreamError):
        Stream(here.run(prepared)).wait()
    assert [seat.errors for seat in here.keys.pools["openai"].seats] == [0, 0]


def test_a_form_with_a_field_of_that_name_asks_nobody_else(write: Write) -> None:
    write('models = ["openai:words:*"]')
    form = {"type": "object", "properties": {"model": {"type": "string"}}}
    assert ask(Session(), options={"metadata": form}).text


# --- which file ---------------------------------------------------------------------------------------


def test_the_environment_cannot_loosen_what_the_machine_says(write: Write) -> None:
    write('models = ["openai:words:*"]\nmax_tokens = 50', system=True)
    write('models = ["*:*"]\nmax_tokens = 5000')
    here = Session()
    assert refused(here, "openai:rich:5").case == "policy_model"
    assert refused(here, max_tokens=51).case == "policy_max_tokens"
    write('models = ["openai:words:5"]')
    assert refused(Session(), "openai:words:6").case == "policy_model"  # but it can say more


def test_the_variable_is_read_once_so_that_a_cell_does_not_undo_it(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("demo_only = true")
    here = Session()
    monkeypatch.delenv("NBSTREAM_POLICY")
    assert refused(here).case == "policy_model"


def test_a_teacher_may_change_the_file_while_the_class_works(write: Write) -> None:
    write("demo_only = true")
    here = Session()
    assert refused(here)
    write('models = ["openai"]')
    assert ask(here).text


# --- what is wrong with it closes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('models = ["openai"]\n\ntoken = 5', "line 3: there is no rule token"),
        ('models = "openai"', "line 1: models is a list"),
        ("tokens = 1e9", "line 1: tokens is a whole number"),
        ("tokens = true", "line 1: tokens is a whole number"),
        ("tokens = -1", "line 1: tokens is a whole number, 0 or more"),
        ("max_tokens = 0", "line 1: max_tokens is a whole number, 1 or more"),
        ('# a\ntokens_per = "year"', "line 2: tokens_per is one of hour, day, week, ever"),
        ('tapes = "no"', "line 1: tapes is true or false"),
        ("models = [\n", "it is not TOML"),
        ("tokens = 5\ntokens = 6", "it is not TOML"),
        ("[limits]\ntokens = 5", "line 1: there is no rule limits"),
        ("x" * 200_000, "too large"),
    ],
)
def test_a_file_that_is_not_understood_leaves_demo_alone_and_says_which_line(
    text: str, said: str, write: Write
) -> None:
    path = write(text)
    here = Session()
    error = refused(here)
    assert error.case == "policy_broken" and str(path) in error.why and said in error.why
    assert ask(here, "demo", options={"delay": 0}).text


def test_a_file_that_is_not_there_or_not_text_closes_as_well(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / "folder"
    folder.mkdir()
    binary = place / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (place / "gone.toml", folder, binary, place / "gone/x.toml"):
        monkeypatch.setenv("NBSTREAM_POLICY", str(path))
        assert refused(Session()).case == "policy_broken"


def test_a_byte_order_mark_as_windows_writes_it_is_no_fault(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + b'models = ["openai"]\r\n')
    assert ask(Session()).text


def test_what_is_wrong_is_said_in_the_language_in_use(write: Write) -> None:
    write("token = 5")
    here = Session()
    assert "there is no rule" in refused(here).why
    set_language("zh")
    assert "第 1 行：没有名为 token 的规则" in refused(here).why


# --- how much -----------------------------------------------------------------------------------------


def test_tokens_are_counted_as_the_service_tells_them_until_they_are_used_up(write: Write) -> None:
    write("tokens = 40")
    here = Session()
    took = 0
    while took < 40:
        usage = ask(here).usage
        assert usage is not None and usage.input_tokens and usage.output_tokens
        took += usage.input_tokens + usage.output_tokens
        assert spent(here) == took
    error = refused(here)
    assert error.case == "policy_tokens" and f"{took} of 40" in error.what
    assert ask(here, "demo", options={"delay": 0}).text and spent(here) == took


def test_a_restart_of_the_kernel_does_not_begin_anew(write: Write) -> None:
    write("tokens = 5")
    ask(Session())
    assert refused(Session()).case == "policy_tokens"


def test_two_kernels_share_one_budget(write: Write) -> None:
    write("tokens = 10000")
    one, other = Session(), Session()
    ask(one), ask(other), ask(one)
    assert spent(one) == spent(other) > 0
    assert one.policy.ledger.used(3600)[0] == 3


def test_a_request_under_way_counts_with_what_it_may_take(write: Write) -> None:
    write("tokens = 90\nmax_tokens = 90")
    here = Session()
    first, second = (here.run(here.call("Hi", model=f"openai:{name}")) for name in ("hold", "words:5"))
    first.start()
    while not here.policy.ledger.used(60)[0]:
        first.wait(0.01)
    assert refused(here).case == "policy_tokens"
    with pytest.raises(NbstreamError):  # also what was prepared before
        Stream(second).wait()
    first.cancel()
    assert first.wait(5)
    assert ask(here).text  # it took less than it might have


def test_of_twenty_that_begin_at_once_no_more_go_than_the_budget_has_room_for(
    write: Write, server: OpenAIServer
) -> None:
    write("tokens = 3000")  # a thousand are reckoned for each
    here = Session()
    runs = [here.run(here.call("Hi", model="openai:hold")) for _ in range(20)]
    threads = [threading.Thread(target=run.start) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(1000):
        if sum(run.wait(0) for run in runs) >= 17:
            break
        runs[0].wait(0.01)
    assert sum(run.wait(0) for run in runs) == 17 and len(server.log) <= 3
    for run in runs:
        run.cancel()
        assert run.wait(5)
    assert spent(here) < 1000


def test_a_kernel_that_is_killed_has_counted_what_it_asked(write: Write, place: Path) -> None:
    write("tokens = 1000\nmax_tokens = 90")
    here = Session()
    run = here.run(here.call("Hi", model="openai:hold"))
    run.start()
    while not here.policy.ledger.used(60)[0]:
        run.wait(0.01)
    assert spent(Session()) >= 90  # as another kernel reads the file
    run.cancel()
    run.wait(5)
    assert 0 < spent(Session()) < 90  # it was stopped: its prompt counts


def test_an_answer_that_is_stopped_is_reckoned_and_one_that_failed_costs_nothing(write: Write) -> None:
    write("tokens = 100000")
    here = Session()
    with pytest.raises(NbstreamError):
        ask(here, "openai:status:401")
    assert spent(here) == 0
    assert ask(here, "openai:flaky:1").text  # the attempt that failed counts as a request, not as tokens
    before = spent(here)
    assert here.policy.ledger.used(60)[0] == 3
    stream = Stream(here.run(here.call("Hi", model="openai:endless")))
    for _ in stream:
        break
    assert spent(here) > before


def test_requests_of_the_last_hour_are_bounded(write: Write, server: OpenAIServer) -> None:
    write("requests_per_hour = 2")
    here = Session()
    ask(here), ask(here)
    error = refused(here)
    assert error.case == "policy_requests" and len(server.log) == 2
    assert "free again at" in error.why


def test_what_is_older_than_the_span_counts_no_longer(
    write: Write, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('tokens = 5\ntokens_per = "day"')
    ask(Session())
    assert refused(Session())
    path = Ledger().path
    old = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps(one | {"time": one["time"] - 25 * 3600}) for one in old]
    path.write_text("\n".join(lines) + "\n")
    assert ask(Session()).text


def test_an_answer_is_bounded_unasked_and_no_option_lengthens_it(write: Write, server: OpenAIServer) -> None:
    write("max_tokens = 64")
    here = Session()
    ask(here)
    assert server.log[-1].body["max_tokens"] == 64
    ask(here, max_tokens=10)
    assert server.log[-1].body["max_tokens"] == 10
    assert refused(here, max_tokens=65).case == "policy_max_tokens"
    for options in (
        {"max_tokens": 65},
        {"max_completion_tokens": None},
        {"options": {"num_predict": -1}},
        {"n": 9},
    ):
        assert refused(here, options=options).case == "policy_option"


# --- the count ----------------------------------------------------------------------------------------


def test_the_count_holds_no_word_and_no_key_and_is_its_owners_alone(write: Write) -> None:
    write("tokens = 100000")
    here = Session()
    ask(here, prompt=CANARY)
    path = here.policy.ledger.path
    text = path.read_text()
    assert CANARY not in text and KEY not in text and '"model": "openai:words:5"' in text
    assert path.stat().st_mode & 0o077 == 0


def test_who_deletes_or_cuts_the_count_gains_nothing_in_this_kernel(write: Write) -> None:
    write("tokens = 5")
    here = Session()
    ask(here)
    path = here.policy.ledger.path
    path.write_text("")
    assert refused(here)
    path.unlink()
    assert refused(here)


def test_what_another_kernel_adds_after_a_cut_is_seen(place: Path) -> None:
    path = place / "usage.jsonl"
    one, other = Ledger(path), Ledger(path)
    one.begin("m", 5)
    path.write_text("")
    assert one.used(60) == (1, 5)
    other.begin("m", 7)
    assert one.used(60) == (2, 12)


def test_lines_that_are_none_are_passed_over(place: Path) -> None:
    path = place / "usage.jsonl"
    good = '{"time": 4e9, "requests": 1, "tokens": 7}\n'
    path.write_text(
        "[]\nnull\n{}\n" + '{"time": "x", "requests": 1, "tokens": 7}\n' + "[" * 9999 + "\n" + good
    )
    assert Ledger(path).used(float("inf")) == (1, 7)


def test_where_the_count_cannot_be_written_the_kernel_counts_for_itself(write: Write, place: Path) -> None:
    (place / "state").write_text("a file where a folder should be")
    write("tokens = 5")
    here = Session()
    assert ask(here).text
    assert refused(here).case == "policy_tokens"
    assert here.policy.ledger.trouble


# --- tapes --------------------------------------------------------------------------------------------


class Tape(Player):
    """Has an answer to what is asked with ``played``, and none to the rest."""

    model, models = "openai:played", ("openai:played",)

    def opening(self, call: Call, request: WireRequest, accepted: Any, attempt: int) -> Opening | None:
        return Played(request, call.limits, accepted) if call.chat.model == "played" else None


class Played(Opening):
    async def frames(self) -> AsyncGenerator[list[Frame], None]:
        delta = {"choices": [{"index": 0, "delta": {"content": "taped"}, "finish_reason": "stop"}]}
        yield [Frame(json.dumps(delta)), Frame("[DONE]")]


def test_a_tape_plays_also_where_nobody_may_be_asked_and_costs_nothing(
    write: Write, server: OpenAIServer
) -> None:
    write("demo_only = true\ntokens = 0")
    here = Session()
    here.player = Tape()
    assert ask(here, "openai:played").text == "taped"
    assert not server.log and spent(here) == 0


def test_what_a_tape_does_not_hold_is_not_asked_of_the_service_either(
    write: Write, server: OpenAIServer
) -> None:
    write("demo_only = true")
    here = Session()
    here.player = Tape()
    assert refused(here, "openai:words:5").case == "policy_model"
    assert not server.log


def test_tapes_can_be_shut_off(write: Write) -> None:
    write("tapes = false")
    here = Session()
    here.player = Tape()
    assert refused(here, "openai:played").case == "policy_tapes"


def test_a_file_that_is_wrong_shuts_tapes_too_and_a_panel_offers_none(write: Write) -> None:
    for rules, case in (("tapes = false", "policy_tapes"), ("tape = false", "policy_broken")):
        write(rules)
        here = Session()
        here.player = Tape()
        assert refused(here, "openai:played").case == case
        assert not [model for model, _ in offers(here) if model.startswith("openai")], "it would not answer"


# --- shown openly -----------------------------------------------------------------------------------------


def shown(here: Session, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("nbstream.magics.verbs.policy.session", lambda: here)
    monkeypatch.setattr("nbstream.magics.verbs.policy.places", policies.places)
    text = VERBS["policy"]([])
    assert isinstance(text, str)
    return text.replace("\\", "")


def test_where_there_is_none_one_is_told_where_it_would_be(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Session()
    assert "No policy holds here" in shown(here, monkeypatch)
    assert str(place / "etc/policy.toml") in shown(here, monkeypatch)
    monkeypatch.setenv("NBSTREAM_POLICY", str(place / "policy.toml"))
    assert "restart the kernel" in shown(here, monkeypatch)


def test_each_rule_is_shown_with_its_file_and_what_is_left(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = write('models = ["openai"]\nnote = "<b>Room</b> 3"', system=True)
    other = write("tokens = 9000\nmax_tokens = 77\ntapes = false")
    here = Session()
    ask(here)
    text = shown(here, monkeypatch)
    for said in (str(one), str(other), "openai, demo", "9,000", "77", f"{9000 - spent(here):,}"):
        assert said in text
    assert "<b>" not in text and "Room" in text and "not a wall" in text
    assert str(here.policy.ledger.path) in text


def test_a_file_that_is_wrong_is_named_with_its_line(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("demo = true")
    text = shown(Session(), monkeypatch)
    assert str(path) in text and "line 1: there is no rule demo" in text


def test_a_panel_offers_what_is_allowed_and_nothing_else(write: Write) -> None:
    write('models = ["spark", "deepseek"]')
    offered = {model.partition(":")[0] for model, _ in offers(Session())}
    assert offered == {"spark", "deepseek", "demo"}


def test_a_panel_offers_what_a_policy_names_though_no_service_lists_it(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('models = ["openai:Class-Model", "spark:lite", "*:*-mini", "nowhere:x", "zhipu"]')
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef-class")
    names = [model for model, _ in offers(Session(), "openai:our-mini")]
    assert names[:2] == ["openai:Class-Model", "openai:our-mini"], "as it is written, and the one in use"
    assert "spark:lite" in names and "nowhere:x" not in names and not [one for one in names if "*" in one]
    assert [one.partition(":")[0] for one in names].count("zhipu") == 1
    assert "openai:other" not in [model for model, _ in offers(Session(), "openai:other")], "not allowed"


def test_doctor_names_the_file_that_is_wrong(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("demo = true")
    here = Session()
    monkeypatch.setattr("nbstream.magics.verbs.finding.session", lambda: here)
    [found] = [one for one in finding.examined() if one.what == "policy"]
    assert found.level == "bad" and str(path) in found.said and "line 1" in found.said
    write("max_tokens = 10")
    [found] = [one for one in finding.examined() if one.what == "policy"]
    assert found.level == "fact"


def test_the_audit_log_tells_what_was_refused(write: Write, place: Path) -> None:
    write("demo_only = true")
    here = Session()
    log = here.audit.open(place / "audit.jsonl")
    refused(here)
    [line] = map(json.loads, log.read_text().splitlines())
    assert {name: line[name] for name in ("event", "name", "state", "model")} == {
        "event": "policy", "name": "model", "state": "refused", "model": "openai:words:5"
    }  # fmt: skip
