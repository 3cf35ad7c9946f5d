"""A long conversation: the model gets what it can read, the newest first, and the reader is told."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.chat.call import Call
from nbstream.chat.context import fitted
from nbstream.chat.history import History, Turn
from nbstream.chat.pins import pin
from nbstream.chat.session import Session
from nbstream.chat.sizes import Ratio, Size, Sizes, size_of, size_of_messages, window_in
from nbstream.errors import fail
from nbstream.messages import Answer, Attachment, Context, Message, Usage

HERE = "http://127.0.0.1:9/v1"


def call_of(prompt: str = "And now?", model: str = "openai:unheard-of", **more: Any) -> Call:
    """A call that is never made."""
    return Session().call(
        prompt, model=model, base_url=HERE, credentials={"api_key": "sk-0123456789"}, **more
    )


def history_of(texts: list[str], model: str = "openai:unheard-of", every: int = 0) -> History:
    """A conversation of finished turns; each `every`th is pinned."""
    history = History()
    for number, text in enumerate(texts):
        turn = history.begin(Turn(text, model, pinned=bool(every) and number % every == 0))
        history.finish(turn, Answer(f"answer to {text}", finish_reason="stop"))
    return history


def fit(history: History, window: int | None, prompt: str = "And now?") -> tuple[list[str], Context]:
    """The prompts that go along where the model reads `window` tokens, and what is said of it."""
    call, sizes = call_of(prompt), Sizes()
    if window is not None:
        sizes._windows[f"{call.model} {HERE}"] = window
    turn = history.begin(Turn(prompt, call.model))
    messages, context = fitted(history, turn, call, sizes)
    history.undo()
    assert len(messages) == 2 * (context.sent - 1)
    return [one.content for one in messages if one.role == "user"], context


# --- what goes along ----------------------------------------------------------------------------------


def test_everything_is_sent_to_a_model_of_which_nobody_knows_how_much_it_reads() -> None:
    sent, context = fit(history_of([f"question {n} " * 500 for n in range(50)]), None)
    assert len(sent) == 50
    assert (context.sent, context.turns, context.cut) == (51, 51, False)


def test_the_oldest_turns_stay_out_first() -> None:
    sent, context = fit(history_of([f"question {n} " * 20 for n in range(9)]), 1_500)
    assert 0 < len(sent) < 9
    assert sent == [f"question {n} " * 20 for n in range(9)][-len(sent) :]
    assert context.cut
    assert context.turns == 10


def test_pinned_turns_always_go_along_in_their_place() -> None:
    history = history_of([f"question {n} " * 20 for n in range(9)])
    pin(history.turns[1])
    sent, context = fit(history, 1_500)
    assert sent[0].startswith("question 1")
    assert sent[-1].startswith("question 8")
    assert context.cut
    pin(history.turns[0], on=False)
    pin(history.turns[1], on=False)
    assert not fit(history, 1_500)[0][0].startswith("question 1")


def test_a_pinned_turn_before_a_new_beginning_is_not_told() -> None:
    history = history_of(["first", "second"])
    pin(history.turns[0])
    history.begin(Turn("anew", "openai:unheard-of", fresh=True))
    history.finish(history.turns[-1], Answer("yes"))
    assert fit(history, None)[0] == ["anew"]


def test_a_pin_is_found_after_turns_before_it_were_taken_out_or_asked_again() -> None:
    history = history_of([f"question {n} " * 20 for n in range(12)])
    turns = history.turns
    pin(turns[2])
    history.remove(turns[1])
    turns[4].cell = "a"
    history._by_cell["a"] = [turns[4]]
    history.finish(history.begin(Turn("asked again", "openai:unheard-of", cell="a")), Answer("yes"))
    assert fit(history, 900)[0][0].startswith("question 2")
    pinned_again = history.turns[1]
    pinned_again.cell = "b"
    history._by_cell["b"] = [pinned_again]
    history.finish(history.begin(Turn("the pinned one anew", "openai:unheard-of", cell="b")), Answer("yes"))
    assert fit(history, 900)[0][0] == "the pinned one anew"


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 400), max_size=30),
    every=st.integers(0, 5),
    windows=st.tuples(st.integers(300, 20_000), st.integers(300, 20_000)),
    wide=st.booleans(),
)
def test_the_window_is_kept_no_pin_is_lost_and_a_larger_one_holds_no_less(
    lengths: list[int], every: int, windows: tuple[int, int], wide: bool
) -> None:
    texts = [f"{number} " + ("问" if wide else "word ") * length for number, length in enumerate(lengths)]
    history = history_of(texts, every=every)
    pinned = [text for number, text in enumerate(texts) if every and number % every == 0]
    [small, large] = sorted(windows)
    sent, context = fit(history, small)
    assert set(pinned) <= set(sent)
    assert sent == [text for text in texts if text in set(sent)], "in the order of asking"
    assert context.window is not None
    assert context.tokens is not None
    if set(sent) != set(pinned):
        assert context.tokens <= context.window
    assert context.cut == (len(sent) < len(texts))
    assert set(sent) <= set(fit(history, large)[0])


def test_what_does_not_fit_is_not_even_looked_at() -> None:
    seen: list[Turn] = []

    class Watched(History):
        def up(self, turn: Turn) -> Any:
            for one in super().up(turn):
                seen.append(one)
                yield one

    history = Watched()
    for number in range(1_000):
        turn = history.begin(Turn(f"question {number} " * 20, "openai:unheard-of", pinned=number == 3))
        history.finish(turn, Answer("yes"))
    seen.clear()
    sent, _ = fit(history, 1_500)
    assert len(seen) <= len(sent) + 1
    assert sent[0].startswith("question 3 ")


def test_room_is_left_for_the_answer() -> None:
    sizes = Sizes()
    assert sizes.reads(call_of(model="groq:openai/gpt-oss-120b")) == 131_072 - 8_192
    assert sizes.reads(call_of(model="groq:openai/gpt-oss-120b", max_tokens=20_000)) == 131_072 - 20_000
    spark = {"app_id": "a", "api_key": "k" * 32, "api_secret": "s" * 32}
    asked = Session().call("hi", model="spark:lite", credentials=spark)
    assert sizes.reads(asked) == 8_192, "Spark counts the answer apart"
    assert sizes.reads(call_of()) is None


def test_ollamas_window_is_the_one_that_was_asked_for() -> None:
    asked = Session().call("hi", model="ollama:qwen3", base_url=HERE, options={"options": {"num_ctx": 4_096}})
    assert Sizes().reads(asked) == 4_096 - 1_024


# --- how sizes are learned ----------------------------------------------------------------------------


def test_the_beginning_values_rather_leave_out_too_much() -> None:
    english = "The quick brown fox jumps over the lazy dog. " * 100
    chinese = "人工智能正在改变我们学习、工作和生活的方式。" * 100
    ratio = Ratio()
    assert ratio.tokens(size_of(english)) > 1_000  # a tokenizer has 1,000
    assert ratio.tokens(size_of(chinese)) > 1_400  # and about 1,400


def test_both_kinds_of_writing_are_learned_apart() -> None:
    ratio = Ratio()
    for _ in range(10):
        ratio.learn(Size(8_000, 0), 2_000)
        ratio.learn(Size(0, 3_000), 1_800)
        ratio.learn(Size(4_000, 1_000), 1_600)
    assert ratio.latin == pytest.approx(0.25, rel=0.03)
    assert ratio.wide == pytest.approx(0.6, rel=0.03)


def test_english_teaches_nothing_about_chinese() -> None:
    ratio = Ratio()
    for _ in range(30):
        ratio.learn(Size(8_000, 0), 2_000)
    assert ratio.latin == pytest.approx(0.25, rel=0.03)
    assert ratio.wide == pytest.approx(1.1, rel=0.05)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**7)), max_size=20))
def test_no_count_of_a_server_makes_the_estimate_senseless(samples: list[tuple[int, int, int]]) -> None:
    ratio = Ratio()
    for latin, wide, tokens in samples:
        ratio.learn(Size(latin, wide), tokens)
    assert 0.05 < ratio.latin < 2
    assert 0.2 < ratio.wide < 5


def test_an_answers_usage_is_what_teaches() -> None:
    sizes, call = Sizes(), call_of("word " * 1_000)
    before = sizes.of_request(call)
    for _ in range(5):
        sizes.learn(call, Answer("yes", usage=Usage(1_000, 5)))
    assert before > 1_500
    assert sizes.of_request(call) == pytest.approx(1_000, rel=0.05)
    other = replace(call, chat=replace(call.chat, model="another"))
    assert sizes.of_request(other) == before, "each model for itself"


def test_models_and_windows_that_are_remembered_are_bounded() -> None:
    sizes, call = Sizes(), call_of("word " * 100)
    for number in range(500):
        one = replace(call, chat=replace(call.chat, model=f"model-{number}"))
        sizes.learn(one, Answer("yes", usage=Usage(100, 5)))
        refused = fail("context_length.service", label="x", message="at most 900 tokens")
        sizes.learn(one, Answer(error=refused))
    assert len(sizes._ratios) == len(sizes._windows) == 64


def test_pictures_tools_and_half_characters_have_a_size_too() -> None:
    picture = Attachment("image/png", b"...")
    alone = size_of_messages([Message("user", "look")])
    assert size_of_messages([Message("user", "look", attachments=(picture,))]).fixed > alone.fixed + 1_000
    assert size_of("a\ud83d").latin >= 0
    sizes, call = Sizes(), call_of()
    tool = {"type": "function", "function": {"name": "f", "description": "words " * 100}}
    assert sizes.of_request(replace(call, chat=replace(call.chat, tools=(tool,)))) > 200


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "window"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", 4096),
        ("Groq says: Please reduce the length; context window is 131,072 tokens", 131_072),
        ("prompt is too long: 213452 tokens > 200000 maximum", 200_000),
        (
            "The count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            1_048_576,
        ),
        ("the request exceeds the available context size (8192 tokens), try increasing it", 8192),
        ("输入过长，最大上下文长度为 32768 个 token", 32_768),
        ("the max input characters is 20000", None),
        ("too many tokens", None),
        ("code 10907", None),
    ],
)
def test_what_a_server_says_of_its_window_is_read(said: str, window: int | None) -> None:
    assert window_in(said) == window


def refused(
    history: History, message: str, prompt: str = "And now?", name: str = "main", **more: Any
) -> tuple[str, Sizes]:
    """The fix for a refusal with `message` of a turn behind `history`, and what was learned from it."""
    from nbstream.chat.overflow import advise

    sizes, call = Sizes(), call_of(prompt, **more)
    turn = history.begin(Turn(prompt, call.model))
    messages, context = fitted(history, turn, call, sizes)
    call = call.with_history(messages, context)
    error = fail("context_length.service", label="Service", message=message)
    history.finish(turn, Answer(error=error))
    sizes.learn(call, Answer(error=error))
    advise(error, history, turn, call, sizes, name)
    return error.fix, sizes


LONG = [f"question {n} " * 30 for n in range(8)]


def test_after_a_refusal_the_same_cell_fits() -> None:
    history = history_of(LONG)
    fix, sizes = refused(history, "maximum context length is 900 tokens")
    assert fix.startswith("%%llm --new")
    assert "the 6 oldest turns" in fix
    call = call_of()
    turn = history.begin(Turn("And now?", call.model))
    _, context = fitted(history, turn, call, sizes)
    assert context.tokens is not None
    assert context.tokens < 900 * 3 / 4
    assert context.cut


def test_where_the_server_names_no_number_less_is_sent_each_time() -> None:
    history, sent = history_of(LONG), []
    sizes, call = Sizes(), call_of()
    for _ in range(4):
        turn = history.begin(Turn("And now?", call.model))
        messages, context = fitted(history, turn, call, sizes)
        sent.append(context.sent)
        error = fail("context_length.service", label="x", message="too long")
        history.finish(turn, Answer(error=error))
        sizes.learn(call.with_history(messages, context), Answer(error=error))
    assert sent == sorted(sent, reverse=True)
    assert sent[0] == 9
    assert sent[-1] < sent[0]


def test_a_cell_that_is_too_long_by_itself_is_told_so() -> None:
    fix, _ = refused(History(), "maximum context length is 1000 tokens", prompt="word " * 3_000)
    assert not fix.startswith("%")
    assert "5,1" in fix
    assert "1,000" in fix


def about(fix: str) -> int:
    """The tokens that a fix speaks of."""
    found = re.search(r"about ([\d,]+)", fix)
    assert found is not None, fix
    return int(found[1].replace(",", ""))


SAID = "maximum context length is 900 tokens. However, your messages resulted in 4,000 tokens"
WORD = {"type": "function", "function": {"name": "f", "description": "words " * 900}}


@pytest.mark.parametrize(
    ("message", "more", "begins"),
    [
        (SAID, {}, "Shorten this cell"),
        (SAID, {"system": "words " * 900}, "Shorten the system message"),
        (SAID, {"tools": (WORD,)}, "Offer fewer functions"),
        ("maximum context length is 900 tokens", {"max_tokens": 100_000}, "%%llm --max-tokens 8"),
        ("too long", {"system": "words " * 900}, "Shorten the system message"),
    ],
)
def test_what_is_named_is_what_does_not_fit(message: str, more: dict[str, Any], begins: str) -> None:
    prompt = "And now?" if more else "word " * 900
    fix, _ = refused(history_of(LONG[:1] if more.get("max_tokens") is None else []), message, prompt, **more)
    assert fix.startswith(begins)
    if message is SAID:
        assert 900 < about(fix) < 4_000 and "reads 900" in fix, "the service's own numbers"
    elif not more.get("max_tokens"):
        assert "reads" not in fix.split(".")[0], "nobody knows how much it reads"


@pytest.mark.parametrize("message", [SAID, "too long"])
def test_pinned_turns_that_do_not_fit_are_told_with_the_line_that_unpins_the_longest(message: str) -> None:
    fix, _ = refused(history_of([*LONG[:3], "longest " * 100, *LONG[3:5]], every=1), message)
    assert fix.startswith("%llm unpin 4 ")


def test_a_turn_of_another_conversation_is_unpinned_there() -> None:
    talk = Session().conversation("数据 2")
    talk.history = history_of(LONG)
    pin(talk.history.turns[0])
    assert refused(talk.history, "maximum context length is 300 tokens", name=talk.name)[0].startswith(
        "%llm unpin 1 -c '数据 2' "
    )


def test_a_larger_model_of_the_service_is_named_where_there_is_one() -> None:
    session = Session()
    spark = {"app_id": "a", "api_key": "k" * 32, "api_secret": "s" * 32}
    call = session.call("字" * 9_000, model="spark:lite", credentials=spark)
    error = fail("context_length.spark_tokens", label="Spark", message="10907", provider="spark")
    sizes = Sizes()
    sizes.learn(call, Answer(error=error))
    from nbstream.chat.overflow import advise

    history = History()
    advise(error, history, history.begin(Turn("…", "spark:lite")), call, sizes)
    assert error.fix.startswith("%llm use spark:max-32k ")
