"""demo: what a person with no key gets."""

from __future__ import annotations

import json
import random
import re
import statistics
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from nbstream.errors import NbstreamError
from nbstream.i18n import t
from nbstream.messages import ChatRequest, Finish, Message, TextDelta, Usage
from nbstream.providers import lessons, registry
from nbstream.providers.demo import FIRST, LABEL, Demo, Script, count, split
from nbstream.show.markdown import settle
from nbstream.wire.request import Frame, WireResponse

Talk = list[tuple[str, str]]


def play(*talk: str, **fields: Any) -> tuple[str, Usage, Finish]:
    """What demo answers to messages that are the user's and its own in turn."""
    roles = ("user", "assistant")
    messages = tuple(Message(roles[place % 2], text) for place, text in enumerate(talk))
    request = Demo().request(ChatRequest(messages, "", options={"delay": 0}, **fields), {})
    events = [event for event in Demo().events(frame for _, frame in request.script) if event is not None]
    *texts, usage, finish = events
    assert all(isinstance(event, TextDelta) for event in texts)
    assert isinstance(usage, Usage) and isinstance(finish, Finish)
    return "".join(event.text for event in texts if isinstance(event, TextDelta)), usage, finish


def script(prompt: str, **fields: Any) -> Script:
    return Script(ChatRequest(Message.many(prompt), "", **fields))


def told(name: str, language: str) -> str:
    """A lesson as it is told here."""
    return lessons.lesson(name, language).text(registry.names())


ASKED = {
    ("en", "streaming"): ("What is streaming?", "Why does streaming feel faster?", "Token by token?"),
    ("en", "sse"): ("How does SSE carry tokens?", "What are Server-Sent Events?", "text/event-stream"),
    ("en", "websocket"): (
        "How does a WebSocket carry tokens?",
        "What is Spark's signed URL?",
        "websockets, please",
    ),
    ("en", "spark"): ("How do I connect Spark?", "set up iFlytek", "Where does my APPID go?"),
    ("en", "ernie"): ("How do I connect ERNIE?", "I have a Qianfan key", "can I use Baidu's model?"),
    ("en", "deepseek"): ("How do I connect DeepSeek?", "use deepseek-v4-pro", "Deep Seek login"),
    ("en", "openai"): (
        "How do I connect OpenAI?",
        "I have an OpenAI-compatible base URL",
        "can I use my vLLM server?",
    ),
    ("en", "ollama"): ("How do I use Ollama?", "Can I run a local model?", "works without a key?"),
    ("en", "connect"): ("How do I connect a real model?", "Which providers are there?", "my API key?"),
    ("en", "help"): ("hello", "What can you do?", "What is nbstream?"),
    ("en", "recall"): ("What did I just ask?", "Repeat my question.", "Do you remember what I said?"),
    ("en", "resume"): ("continue", "Go on!", "Please continue."),
    ("zh", "streaming"): ("什么是流式输出？", "为什么逐字显示感觉更快？", "讲讲 streaming 的好处吧，谢谢。"),
    ("zh", "sse"): ("SSE 怎样传送 token？", "什么是服务器推送？", "讲一讲 Server-Sent Events 协议"),
    ("zh", "websocket"): ("WebSocket 怎样传送 token？", "星火的签名 URL 是什么", "websocket 握手是什么"),
    ("zh", "spark"): ("怎么接入讯飞星火？", "Spark 怎么用", "我有 APPID 和 APISecret，填在哪里？"),
    ("zh", "ernie"): ("怎样接入文心一言？", "我有千帆的密钥", "百度的模型能用吗"),
    ("zh", "deepseek"): ("怎么接入 DeepSeek？", "我想用深度求索", "deepseek-v4-pro 怎么配置"),
    ("zh", "openai"): ("怎样接入 OpenAI？", "我有一个兼容接口的地址", "我们单位有自建的 vLLM 服务器"),
    ("zh", "ollama"): ("怎么用 Ollama？", "能在本地运行吗？", "没有密钥能用什么？"),
    ("zh", "connect"): ("怎样接入真正的模型？", "你们支持哪些服务商？", "API key 填在哪里？"),
    ("zh", "help"): ("你好", "你能做什么？", "nbstream 有什么功能？"),
    ("zh", "recall"): ("我刚才问了什么？", "还记得我的话吗？", "我上一个问题是什么？"),
    ("zh", "resume"): ("继续", "接着说。", "请继续！"),
}
PHRASINGS = [(*key, prompt) for key, prompts in ASKED.items() for prompt in prompts]
BODIES = [(language, name) for language in ("en", "zh") for name in lessons.ORDER]


@pytest.mark.parametrize(("language", "name", "prompt"), PHRASINGS)
def test_each_lesson_is_found_by_plain_questions(language: str, name: str, prompt: str) -> None:
    found = lessons.find(prompt)
    assert found is not None
    assert (found.language, found.name) == (language, name)


def test_each_lesson_that_can_be_asked_for_has_three_phrasings_in_both_languages() -> None:
    asked = lessons.ORDER[: lessons.ORDER.index("recall_first")]
    assert set(ASKED) == {(language, name) for language in ("en", "zh") for name in asked}
    assert all(len(set(prompts)) == 3 for prompts in ASKED.values())


@pytest.mark.parametrize(
    "prompt",
    ["What is the capital of France?", "Write a poem about rain", "Assess my paperwork", "def f(x): return x",
     "hi, please translate this text", "写一首关于雨的诗", "法国的首都是哪里？", "?", "🙂"],
)  # fmt: skip
def test_what_no_lesson_covers_is_answered_by_saying_so(prompt: str) -> None:
    text, _, finish = play(prompt)
    language = lessons.language_of(prompt)
    assert {"en": "I am not a language model", "zh": "我不是语言模型"}[language] in text
    assert "%llm login deepseek" in text
    for name in lessons.LISTED:
        assert lessons.lesson(name, language).title in text
    assert finish.reason == "stop"


@pytest.mark.parametrize("prompt", [prompts[0] for prompts in ASKED.values()] + ["rain", "雨"])
def test_every_answer_begins_by_saying_that_it_is_no_model(prompt: str) -> None:
    text, _, _ = play(prompt)
    language = lessons.language_of(prompt)
    assert text.splitlines()[0] == LABEL[language]
    assert "demo" in text.splitlines()[0]
    assert {"en": "not a language model", "zh": "不是语言模型"}[language] in text.splitlines()[0]
    assert "[[" not in text


def test_the_answer_speaks_the_language_of_the_last_question() -> None:
    assert play("hello", play("hello")[0], "什么是 SSE?")[0].startswith(LABEL["zh"])
    assert play("你好", play("你好")[0], "What is SSE?")[0].startswith(LABEL["en"])


def test_an_earlier_question_is_told_back_from_the_history() -> None:
    first = "Why does streaming feel *faster*, in | two words?"
    text, _, _ = play(first, play(first)[0], "What did I just ask?")
    assert r"> Why does streaming feel \*faster\*, in \| two words?" in text
    assert "| 1 | you | Why does" in text and "| 2 | me |" in text
    assert "> 讲讲流式" in play("讲讲流式", play("讲讲流式")[0], "我刚才问了什么？")[0]


def test_an_earlier_question_is_told_back_to_the_letter_whatever_is_in_it() -> None:
    asked = r"Why *x* | <b> `q` $5 [a](https://b.example) \[y\] \(z\) &amp; ~~n~~ # ![i](j)?"
    text, _, _ = play(asked, "well", "What did I just ask?")
    (shown, _) = [
        token
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        if token.type == "inline" and "Why" in token.content
    ]
    assert {child.type for child in shown.children or ()} <= {"text", "text_special"}
    assert "".join(child.content for child in shown.children or ()) == asked
    assert asked.split()[0] in settle(text) and "$$y$$" not in settle(text) and "$$a$$" not in settle(text)


def test_a_long_history_is_told_in_short() -> None:
    talk = [f"question {number} " + "long " * 100 for number in range(40)]
    text, _, _ = play(*(part for prompt in talk for part in (prompt, "well")), "What did I just ask?")
    assert "question 39" in text and "question 3 " not in text
    assert len(text) < 4000


def test_without_history_it_says_that_nothing_was_asked() -> None:
    assert "Nothing yet" in play("What did I just ask?")[0]
    assert "还没有提问" in play("我刚才问了什么？")[0]


@pytest.mark.parametrize(("prompt", "more"), [("What is SSE?", "continue"), ("什么是流式？", "继续")])
def test_an_answer_that_was_cut_goes_on_where_it_broke_off(prompt: str, more: str) -> None:
    whole, _, _ = play(prompt)
    part, usage, finish = play(prompt, max_tokens=25)
    assert (finish.reason, usage.output_tokens) == ("length", 25)
    assert whole.startswith(part) and part != whole
    second, _, _ = play(prompt, part.rstrip(), more, max_tokens=30)
    third, _, finish = play(prompt, part.rstrip(), more, second, more)
    again = LABEL[lessons.language_of(more)] + "\n\n…"
    assert part.rstrip() + second.removeprefix(again) + third.removeprefix(again) == whole
    assert second.startswith(again) and third.startswith(again)
    assert finish.reason == "stop"
    assert play(prompt, part)[0] == whole[len(part) :]  # the unfinished answer stands last
    assert "nothing to continue" in play("hello", play("hello")[0], "continue")[0]


@pytest.mark.parametrize(("language", "name"), BODIES)
def test_lessons_are_short_rich_and_alike_in_both_languages(language: str, name: str) -> None:
    body = told(name, language)
    assert 120 <= len(re.findall(r"[\w'%-]+", re.sub("[\u4e00-\u9fff]{2}", " x ", body))) <= 480
    kinds = [token.type for token in MarkdownIt("commonmark").enable("table").parse(body)]
    assert kinds[0] == "heading_open"
    assert "fence" in kinds or name in ("recall", "fallback")
    other = told(name, "zh" if language == "en" else "en")
    theirs = [token.type for token in MarkdownIt("commonmark").enable("table").parse(other)]
    block = re.compile("heading_open|fence|table_open|tr_open|(bullet_)?(ordered_)?list_(item_)?open")
    assert list(filter(block.fullmatch, kinds)) == list(filter(block.fullmatch, theirs))
    assert body.count("$") == other.count("$")


@pytest.mark.parametrize(("language", "name"), BODIES)
def test_lessons_name_only_commands_and_addresses_that_both_languages_share(language: str, name: str) -> None:
    body = told(name, language)
    for word in re.findall(r"(?<!%)%llm (\w+)", body):
        assert word in {"login", "use", "models", "history", "reset", "stats", "why"}
    for option in re.findall(r"%%llm (-[-\w]+)", body):
        assert option in {"-m", "-s", "-o", "-c", "--new", "--no-history", "--max-tokens"}
    for link in re.findall(r"\]\(([^)]*)\)", body):
        assert urlsplit(link).scheme == "https" and urlsplit(link).hostname
    other = told(name, "zh" if language == "en" else "en")
    for pattern in (r"\]\(([^)]*)\)", r"\b[A-Z]+(?:_[A-Z]+)+\b", r"(?<!%)%llm \w+ ?\w*"):
        assert set(re.findall(pattern, body)) == set(re.findall(pattern, other))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_lesson_on_continuing_quotes_the_footer_as_it_is(language: str) -> None:
    for key in ("footer.stopped", "footer.length"):
        assert t(key, lang=language) in told("resume", language)


@pytest.mark.parametrize(("language", "name"), BODIES)
def test_lessons_teach_only_providers_and_keys_that_are_there(language: str, name: str) -> None:
    body = told(name, language)
    soon = {provider for provider in ("spark", "ernie") if name == provider not in registry.names()}
    assert [word in body for word in ("Not in this version yet", "当前版本尚未包含")].count(True) == len(soon)
    for model in re.findall(r"(?:%llm (?:login|use)|%%llm -m|model=)[ \"]+([\w.:-]+)", body):
        if model != "NAME" and model.partition(":")[0] not in soon:
            assert registry.split(model)
    known = {env for one in registry.names() for field in registry.get(one).fields for env in field.env}
    known |= {f"{one.upper().replace('-', '_')}_BASE_URL" for one in registry.names()}
    for env in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", body):
        assert env in known or (env.startswith(("SPARK_", "QIANFAN_")) and soon)


def test_a_lesson_changes_on_the_day_its_provider_arrives() -> None:
    for language in ("en", "zh"):
        lesson = lessons.lesson("spark", language)
        early, late = lesson.text(["demo"]), lesson.text(["demo", "spark", "spark-http"])
        assert "OPENAI_BASE_URL" in early and "SPARK_API_PASSWORD" not in early
        assert "OPENAI_BASE_URL" not in late and "SPARK_API_PASSWORD" in late
        assert "[[" not in early + late


@pytest.mark.parametrize(("language", "name"), BODIES)
def test_python_in_a_lesson_is_python(language: str, name: str) -> None:
    body = lessons.lesson(name, language).body
    tokens = MarkdownIt("commonmark").parse(body)
    for token in tokens:
        if token.type == "fence" and token.info == "python":
            compile(token.content, name, "exec")


def test_pieces_joined_are_the_text_to_the_letter_and_as_small_as_tokens() -> None:
    for language, name in BODIES:
        text = lessons.lesson(name, language).body
        pieces = list(split(text, random.Random(7)))
        assert "".join(pieces) == text
        assert not any(len(piece.strip()) > 2 and lessons.CJK.search(piece) for piece in pieces)
        assert 0.8 < count(text) / len(pieces) < 1.05


def test_the_pace_is_that_of_a_model() -> None:
    pauses = [pause for pause, _ in script("Why does streaming feel faster?")]
    assert pauses[0] == FIRST and pauses[-1] == 0
    between = pauses[1:-1]
    assert 40 < 1 / statistics.mean(between) < 60
    assert len(set(between)) > len(between) / 2  # varied
    assert max(between) < 0.04


def test_the_pace_can_be_set() -> None:
    assert {pause for pause, _ in Script(ChatRequest(Message.many("hi"), ""), 0)} == {0.0}
    assert next(iter(Script(ChatRequest(Message.many("hi"), ""), 0.5)))[0] == 0.5
    for delay in (-1, "fast", True, float("nan"), float("inf"), 61):
        with pytest.raises(NbstreamError) as caught:
            Demo().request(ChatRequest(Message.many("hi"), "", options={"delay": delay}), {})
        assert caught.value.kind == "config" and "delay" in caught.value.why


def test_a_script_is_told_piece_by_piece_and_can_be_left_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    dumps = json.dumps

    def counted(value: object, **how: Any) -> str:
        made.append(value)
        return dumps(value, **how)

    monkeypatch.setattr(json, "dumps", counted)
    request = Demo().request(ChatRequest(Message.many("hello"), ""), {})
    assert made == []
    told = iter(request.script)
    assert len(list(islice(told, 3))) == 3
    assert len(made) == 3
    told.close()  # type: ignore[attr-defined]
    assert list(told) == []


def test_the_same_question_is_answered_alike_whatever_the_temperature() -> None:
    tellings = [list(script("What is SSE?", temperature=value)) for value in (None, 0.0, 1.0, 2.0)]
    assert tellings[0] == tellings[1] == tellings[2] == tellings[3]
    again = script("What is SSE?")
    assert list(again) == list(again)  # a repeat plays it from the start


def test_usage_counts_pieces_both_ways() -> None:
    text, usage, _ = play("hello there", system="Be brief.")
    frames = [frame for _, frame in script("hello there", system="Be brief.")]
    assert usage == Usage(input_tokens=2 + 3, output_tokens=len(frames) - 1)
    assert text


def test_max_tokens_ends_an_answer_for_length_and_not_one_that_just_fits() -> None:
    whole, usage, finish = play("hello")
    assert finish == Finish("stop", "stop")
    assert usage.output_tokens is not None
    assert play("hello", max_tokens=usage.output_tokens) == (whole, usage, finish)
    _, fewer, cut = play("hello", max_tokens=usage.output_tokens - 1)
    assert cut == Finish("length", "length") and fewer.output_tokens == usage.output_tokens - 1


@pytest.mark.parametrize(
    "wanted, factor", [("4", 4), ("max", None), ("fast", 1), ("-1", 1), ("nan", 1), ("", 1)]
)
def test_a_run_that_nobody_watches_can_have_it_faster(
    wanted: str, factor: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = list(script("hello"))
    monkeypatch.setenv("NBSTREAM_DEMO_SPEED", wanted)
    faster = list(script("hello"))
    assert [frame for _, frame in faster] == [frame for _, frame in usual]
    pauses = [pause / factor if factor else 0.0 for pause, _ in usual]
    assert [pause for pause, _ in faster] == pytest.approx(pauses)


def test_two_streams_run_through_one_provider_side_by_side() -> None:
    demo = Demo()
    streams = [demo.events(frame for _, frame in script(prompt)) for prompt in ("hello", "你好")]
    texts = ["", ""]
    for pair in zip(*streams, strict=False):
        for place, event in enumerate(pair):
            texts[place] += event.text if isinstance(event, TextDelta) else ""
    assert texts[0].startswith(LABEL["en"]) and texts[1].startswith(LABEL["zh"])


def test_a_frame_is_followed_by_none_and_nothing_is_read_after_the_end() -> None:
    told = ('{"text": "a"}', '{"done": "stop", "usage": {"output_tokens": 1}}', "{}")
    rest = iter([Frame(data) for data in told])
    assert list(Demo().events(rest)) == [TextDelta("a"), None, Usage(output_tokens=1), Finish("stop", "stop")]
    assert next(rest) == Frame("{}")
    cut = list(Demo().events(iter([Frame('{"text": "a"}')])))
    assert cut == [TextDelta("a"), None]  # no Finish: the engine calls it interrupted


def test_demo_asks_for_no_key_and_no_network() -> None:
    request = Demo().request(ChatRequest(Message.many("hi"), "", base_url="https://example.com"), {})
    assert Demo().fields == () and Demo().models_request({}) is None
    assert (request.transport, request.url, request.body) == ("local", "", None)
    assert Demo().refused(WireResponse(500)).kind == "protocol"
