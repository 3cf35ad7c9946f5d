"""What all fakes of HTTP dialects can do; the model that is asked for says how one behaves.

    words:N@R        N random words at R tokens a second (R = 0 or left out: full speed)
    think:N@R        N random words of reasoning, then N of text
    rich:N@R         a random Markdown document of at least N tokens: headings, table, list, fence
    half:N           N words, and then the token limit; refuses a last message of the assistant's
    hold             a heading and a table, then the rest only after POST /control/release
    say:R            the last message itself at R tokens a second; waits for /control/release at each ⏸
    recite:A|B       A, percent-encoded; B once one answer has been given; the last of them from then on
    plain:A|B        the same; but refuses whoever asks for JSON by the dialect's own means
    window:N         20 words; but refuses more than N words, and says so as OpenAI does
    slow-first:S     S seconds of silence before the first token
    drip:N           N words, byte by byte
    tool             calls the first tool that it was given
    script           plays the prompt, a round for each part between lines of ``---``: see `Script`
    vector:NAME      replays tests/vectors/NAME.json, each chunk in a write of its own
    vector-bytes:N   the same byte by byte; vector-close:N with a body that ends with the connection
    status:CODE[:S]  refuses with CODE (and Retry-After: S)
    flaky:K[:NAME]   refuses the first K requests with 503, then answers
    html, json       a web page; a whole answer that is no stream
    cut:N            N tokens, then the connection is reset
    broken:N         N tokens, then the dialect's own error inside the stream
    garbage:N        N tokens, then bytes that mean nothing
    endless          streams until the client goes away
    silent           never answers
    echo             streams back the messages it was given, as JSON

A dialect brings a `Speech`, and a `Behaving` that knows its paths and its refusals.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

from . import texts, vectors
from .loopback import Exchange, Loopback, paced

MODELS = ("words:200@50", "rich:400@100", "think:50@50", "hold", "endless", "echo", "json")
FORMS = {"response_format", "output_config", "format", "responseMimeType"}
"""What asks for JSON in the bodies of the dialects."""
GARBAGE = b"\xff\xfe\x00 ]}<garbage>{[ \r\n\r\n" * 3


class Speech(ABC):
    """One answer in a dialect, piece by piece."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.body: dict[str, Any] = exchange.record.body
        self.said = self.thought = 0
        """Tokens so far."""
        self.calls = 0

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.body.get("stream") is True

    @property
    def messages(self) -> list[Any]:
        """What was asked, as the dialect has it."""
        return list(self.body.get("messages") or [])

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return str(self.messages[-1]["content"])

    @property
    def asked(self) -> int:
        """Tokens of the question, about."""
        return sum(len(str(message.get("content")).split()) for message in self.messages)

    def tool(self) -> str:
        """The name of the first tool that was given."""
        return str(self.body["tools"][0]["name"])

    def next_id(self, first: str) -> tuple[int, str]:
        """Number and id of the next call of this answer: `first`, the others with a number behind it."""
        number, rounds = self.calls, sum(kind == "call" for kind, _ in self.told())
        self.calls += 1
        return number, first + (f"_{rounds}_{number}" if rounds or number else "")

    def told(self) -> list[tuple[str, str]]:
        """What was said so far: ``ask`` by the user, ``call`` for calls of one round, ``result`` for each."""
        kinds = {"user": "ask", "tool": "result"}
        return [
            (kinds.get(one["role"], "call"), str(one.get("content")))
            for one in self.messages
            if one["role"] in kinds or one.get("tool_calls")
        ]

    @abstractmethod
    async def open(self) -> None:
        """Head, and what comes before the first token."""

    @abstractmethod
    async def token(self, text: str, *, thought: bool) -> None: ...

    @abstractmethod
    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        """A tool call."""

    @abstractmethod
    async def finish(self, reason: str = "stop") -> None:
        """Usage and the end mark. `reason` is ``stop`` or ``tool_calls``."""

    @abstractmethod
    async def fail(self, message: str) -> None:
        """An error inside the stream."""

    @abstractmethod
    async def whole(self, text: str) -> None:
        """A whole answer that is no stream."""

    async def tokens(self, tokens: list[str], rate: float, *, thought: bool = False) -> None:
        async for batch in paced(tokens, rate):
            for token in batch:
                await self.token(token, thought=thought)
                if thought:
                    self.thought += 1
                else:
                    self.said += 1
                    self.exchange.record.text += token


@dataclass(frozen=True)
class Script:
    """One round of a prompt that says what to do, line by line.

    ``call NAME JSON`` calls a tool, ``think WORDS`` thinks, ``hold`` waits for /control/release; all other
    lines are said, with ``{results}`` for what the calls of the round before gave.
    """

    lines: tuple[str, ...]
    results: tuple[str, ...]

    @classmethod
    def of(cls, told: list[tuple[str, str]]) -> Script:
        """From what was said so far: ``("ask" | "call" | "result", text)`` in order."""
        last = max((at for at, (kind, _) in enumerate(told) if kind == "ask"), default=0)
        since = told[last:]
        rounds = since[0][1].split("\n---\n")
        number = sum(kind == "call" for kind, _ in since)
        ends = [at for at, (kind, _) in enumerate(since) if kind == "call"]
        results = [text for kind, text in since[ends[-1] :] if kind == "result"] if ends else []
        return cls(tuple(rounds[min(number, len(rounds) - 1)].splitlines()), tuple(results))


class Dripping:
    """An exchange that sends byte by byte."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    async def send(self, data: bytes) -> None:
        for start in range(len(data)):
            await self._exchange.send(data[start : start + 1])
            await asyncio.sleep(0)


class Behaving(Loopback):
    """A fake whose behaviours are the methods ``play_…``."""

    speech: ClassVar[type[Speech]]

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self._refused: Counter[str] = Counter()

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        """An error with a status, as the dialect words it."""
        raise NotImplementedError

    async def behave(self, exchange: Exchange, model: str) -> None:
        """Answer as `model` says."""
        name, _, argument = model.partition(":")
        play = getattr(self, "play_" + name.replace("-", "_"), None)
        if play is None:
            await self.refuse(exchange, 404, f"model '{model}' not found")
        else:
            await play(exchange, argument)

    async def unauthorized(self, exchange: Exchange) -> None:
        await self.refuse(exchange, 401, "Incorrect API key provided")

    # --- answers --------------------------------------------------------------------------------------

    async def answer(
        self, exchange: Exchange, tokens: list[str], rate: float, thoughts: list[str] | None = None
    ) -> None:
        speech = self.speech(exchange)
        if not speech.streamed:
            await asyncio.sleep(len([*(thoughts or []), *tokens]) / rate if rate else 0)
            await speech.whole("".join(tokens))
            return
        await speech.open()
        await speech.tokens(thoughts or [], rate, thought=True)
        await speech.tokens(tokens, rate)
        await speech.finish()

    async def play_words(self, exchange: Exchange, argument: str) -> None:
        count, rate = count_and_rate(argument)
        await self.answer(exchange, texts.words(count), rate)

    async def play_window(self, exchange: Exchange, argument: str) -> None:
        asked = self.speech(exchange).asked
        if asked > int(argument):
            said = f"This model's maximum context length is {argument} tokens. However, your messages"
            await self.refuse(exchange, 400, f"{said} resulted in {asked} tokens.")
        else:
            await self.answer(exchange, texts.words(20), 0)

    async def play_half(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        if speech.messages[-1].get("role") in ("assistant", "model"):
            await self.refuse(exchange, 400, "the last message must be the user's")
            return
        await speech.open()
        await speech.tokens(texts.words(int(argument or 3)), 0)
        await speech.finish("length")

    async def play_rich(self, exchange: Exchange, argument: str) -> None:
        count, rate = count_and_rate(argument)
        await self.answer(exchange, texts.rich(count), rate)

    async def play_think(self, exchange: Exchange, argument: str) -> None:
        count, rate = count_and_rate(argument)
        await self.answer(exchange, texts.words(count), rate, thoughts=texts.words(count))

    async def play_echo(self, exchange: Exchange, argument: str) -> None:
        said = json.dumps(self.speech(exchange).messages, ensure_ascii=False)
        await self.answer(exchange, texts.tokenized(said), 0)

    async def play_recite(self, exchange: Exchange, argument: str) -> None:
        said = self.speech(exchange).messages
        given = sum(one.get("role") in ("assistant", "model") for one in said)
        texts_ = [unquote(text) for text in argument.split("|")]
        await self.answer(exchange, texts.tokenized(texts_[min(given, len(texts_) - 1)]), 0)

    async def play_plain(self, exchange: Exchange, argument: str) -> None:
        body = exchange.record.body
        config = body.get("generationConfig") or {}
        if FORMS & {*body, *config}:
            await self.refuse(exchange, 400, "this model has no structured output")
        else:
            await self.play_recite(exchange, argument)

    async def play_drip(self, exchange: Exchange, argument: str) -> None:
        await self.answer(Dripping(exchange), texts.words(int(argument or 5)), 0)  # type: ignore[arg-type]

    async def play_slow_first(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        await speech.open()
        await asyncio.sleep(float(argument or 1))
        await speech.tokens(texts.words(5), 0)
        await speech.finish()

    async def play_hold(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        await speech.open()
        text = "## Held back\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nLast"
        await speech.tokens(texts.tokenized(text), 0)
        await self.released()
        await speech.tokens([" words."], 0)
        await speech.finish()

    async def play_say(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        await speech.open()
        for number, part in enumerate(speech.prompt.split("⏸")):
            if number:
                await self.released()
            await speech.tokens(texts.tokenized(part), float(argument or 0))
        await speech.finish()

    async def play_json(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        exchange.record.text = "".join(texts.words(20))
        await speech.whole(exchange.record.text)

    async def play_tool(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        await speech.open()
        await speech.call(speech.tool(), {"city": "成都"})
        await speech.finish("tool_calls")

    async def play_script(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        script = Script.of(speech.told())
        await speech.open()
        called = False
        for line in script.lines:
            word, _, rest = line.partition(" ")
            if word == "call":
                name, _, arguments = rest.partition(" ")
                await speech.call(name, json.loads(arguments or "{}"))
                called = True
            elif word == "think":
                await speech.tokens(texts.tokenized(rest), 0, thought=True)
            elif line == "hold":
                await self.released()
            else:
                said = line.replace("{results}", " | ".join(script.results))
                await speech.tokens(texts.tokenized(said), float(argument or 0))
        await speech.finish("tool_calls" if called else "stop")

    async def play_vector(self, exchange: Exchange, argument: str) -> None:
        await self._replay(exchange, argument)

    async def play_vector_bytes(self, exchange: Exchange, argument: str) -> None:
        await self._replay(exchange, argument, size=1)

    async def play_vector_close(self, exchange: Exchange, argument: str) -> None:
        await self._replay(exchange, argument, chunked=False)

    async def _replay(self, exchange: Exchange, name: str, size: int = 0, *, chunked: bool = True) -> None:
        try:
            vector = vectors.load(name)
        except FileNotFoundError:
            await self.refuse(exchange, 404, f"model 'vector {name}' not found")
            return
        pieces = vectors.pieces(vector)
        if size:
            raw = b"".join(pieces)
            pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
        await exchange.start(vector["status"], vector["headers"], chunked=chunked)
        for piece in pieces:
            await exchange.send(piece)
            await asyncio.sleep(0)
        exchange.record.text = vector["expect"]["text"]
        ends = {"eof": exchange.end, "reset": exchange.reset, "incomplete": exchange.incomplete}
        await ends[vector["end"]]()

    # --- faults ---------------------------------------------------------------------------------------

    async def play_status(self, exchange: Exchange, argument: str) -> None:
        code, _, wait = argument.partition(":")
        headers = {"Retry-After": wait} if wait else {}
        await self.refuse(exchange, int(code), f"refused with {code}, as asked", headers)

    async def play_flaky(self, exchange: Exchange, argument: str) -> None:
        self._refused[argument] += 1
        if self._refused[argument] <= int(argument.partition(":")[0]):
            await self.refuse(exchange, 503, "try again", {"Retry-After": "0"})
        else:
            await self.answer(exchange, texts.words(10), 0)

    async def play_html(self, exchange: Exchange, argument: str) -> None:
        page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
        await exchange.whole(200, page, {"Content-Type": "text/html; charset=utf-8"})

    async def play_cut(self, exchange: Exchange, argument: str) -> None:
        await (await self._begun(exchange, argument)).exchange.reset()

    async def play_broken(self, exchange: Exchange, argument: str) -> None:
        await (await self._begun(exchange, argument)).fail("the engine has died")
        await exchange.end()

    async def play_garbage(self, exchange: Exchange, argument: str) -> None:
        await (await self._begun(exchange, argument)).exchange.send(GARBAGE)
        await exchange.end()

    async def _begun(self, exchange: Exchange, argument: str) -> Speech:
        speech = self.speech(exchange)
        await speech.open()
        await speech.tokens(texts.words(int(argument or 5)), 0)
        return speech

    async def play_endless(self, exchange: Exchange, argument: str) -> None:
        speech = self.speech(exchange)
        await speech.open()
        while True:
            await speech.tokens(texts.words(64), 0)
            exchange.record.text = ""  # only its end would ever be of use, and it has none

    async def play_silent(self, exchange: Exchange, argument: str) -> None:
        await asyncio.Event().wait()


def unanswered(messages: Any) -> str:
    """What chat completions object to about calls and results, in their manner; "" where all is well."""
    waiting: list[str] = []
    for number, message in enumerate(messages or []):
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                return (
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                )
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. (messages.[{number}])"
            )
        waiting = [str(call.get("id") or "") for call in message.get("tool_calls") or []]
        if "" in waiting or len(set(waiting)) < len(waiting):
            return f"Invalid 'messages[{number}].tool_calls': ids must be unique and not empty."
    return "" if not waiting else "An assistant message with 'tool_calls' must be followed by tool messages."


def count_and_rate(argument: str) -> tuple[int, float]:
    count, _, rate = argument.partition("@")
    return int(count or 50), float(rate or 0)
