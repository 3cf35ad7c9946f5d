"""A loopback server that speaks Spark's WebSocket; the `domain` says how it behaves, or a path ``/do/…``.

    words:N@R        N random words at R a second (R = 0 or left out: full speed); any real domain: twenty
    think:N@R        N random words of reasoning, then N of text
    echo             streams back the question it was given, as JSON
    call             calls the first function it was given
    script           plays the question, a round for each part between lines of ``---``: see `Script`
    hold             a first half; the rest after POST /control/release
    big:N            one message of N bytes of text
    fragments        messages in frames cut inside characters, pings in between
    slow:S           an answer whose bytes come one by one, S seconds apart
    vector:NAME      replays a transcript; vector-bytes:NAME byte by byte
    error:CODE[:K]   K pieces of text, then that code; moderation[:K] is error:10014
    withdraw:K       a thought and K pieces of text; 10014 after POST /control/release
    cut:N            N words, then the connection ends in mid-frame; reset:N: by a TCP reset
    close:N[:CODE]   N words, then a closing frame
    garbage:N        N words, then bytes that are no frame
    endless          streams until the client goes away
    silent           never answers
    pieces           the bytes in `SparkServer.pieces`, each a write of its own, then the connection ends

Only as a path, since they come before the question: refuse:STATUS[:MESSAGE or Retry-After],
clock:SECONDS (the server's is that much ahead), stall (before the handshake), hang-up, page (HTTP 200 and
a web page).

``python -m tests.fakes.spark_server [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import unquote

from . import texts
from .behaviours import GARBAGE, Script, count_and_rate
from .loopback import main, paced
from .scripted import Scene
from .spark_frames import encoded, failed, piece, transcripts, usage
from .spark_gate import objection, verify
from .websocket_server import PING, TEXT, frame
from .ws import Line, WebSocketLoopback, fragments, parsed

CREDENTIALS = {
    "app_id": "5f1e2d3c",
    "api_key": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "api_secret": "TjRzdHJlYW1UZXN0U2VjcmV0MDEyMzQ1",
}


class SparkServer(WebSocketLoopback):
    """Speaks Spark's WebSocket over loopback, and checks what the service checks."""

    path = "/v4.0/chat"

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self.pieces: list[bytes] = []
        self.clock: Callable[[], float] = time.time

    async def converse(self, line: Line) -> None:
        path, _, _ = line.record.path.partition("?")
        told, argument = "", ""
        if path.startswith("/do/"):
            told, _, argument = unquote(path.removeprefix("/do/")).partition(":")
        early = getattr(self, "_at_the_door_" + told.replace("-", "_"), None) if told else None
        if early is not None:
            if not await early(line, argument):
                return
        else:
            status, message = self._verdict(line, self.clock())
            if status != 101:
                await self._turn_away(line, status, message)
                return
        await line.accept()
        body = parsed(await line.receive())
        line.record.body = body
        try:
            domain = body["parameter"]["chat"]["domain"]  # type: ignore[index, call-overload]
            name, _, rest = (told, "", argument) if told in BEHAVIOURS else str(domain).partition(":")
        except (KeyError, TypeError):
            name, rest = "", ""
        wrong = objection(
            body, path, CREDENTIALS["app_id"], scripted=name in BEHAVIOURS or path.startswith("/do/")
        )
        if wrong is not None:
            await self._fail(line, *wrong)
        elif name in BEHAVIOURS:
            await getattr(self, "_" + name.replace("-", "_"))(line, rest)
        else:
            await self.answer(line)

    async def answer(self, line: Line) -> None:
        """What a domain gets that is no behaviour."""
        await self._words(line, "20")

    def _verdict(self, line: Line, now: float) -> tuple[int, str]:
        record = line.record
        secrets = {CREDENTIALS["api_key"]: CREDENTIALS["api_secret"]}
        return verify(record.path, record.headers.get("host", ""), now, secrets)

    async def _turn_away(
        self,
        line: Line,
        status: int,
        message: str,
        now: float | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        date = formatdate(self.clock() if now is None else now, usegmt=True)
        headers = {"Content-Type": "text/plain; charset=utf-8", "Date": date} | (more or {})
        await line.whole(status, json.dumps({"message": message}).encode(), headers)

    # --- at the door: whether the client may come in ----------------------------------------------------

    async def _at_the_door_refuse(self, line: Line, argument: str) -> bool:
        status, _, message = argument.partition(":")
        again = {"Retry-After": message} if message.isdigit() else {}
        await self._turn_away(line, int(status), message or f"refused with {status}, as asked", more=again)
        return False

    async def _at_the_door_clock(self, line: Line, argument: str) -> bool:
        now = time.time() + float(argument)
        status, message = self._verdict(line, now)
        if status != 101:
            await self._turn_away(line, status, message, now)
        return status == 101

    async def _at_the_door_stall(self, line: Line, argument: str) -> bool:
        await asyncio.Event().wait()
        return False

    async def _at_the_door_hang_up(self, line: Line, argument: str) -> bool:
        return False

    async def _at_the_door_page(self, line: Line, argument: str) -> bool:
        page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
        await line.whole(200, page, {"Content-Type": "text/html; charset=utf-8"})
        return False

    async def _at_the_door_vector(self, line: Line, argument: str) -> bool:
        response = transcripts()[argument]["response"]
        if response["status"] != 101:
            await line.whole(response["status"], response.get("body", "").encode(), response["headers"])
        return bool(response["status"] == 101)

    _at_the_door_vector_bytes = _at_the_door_vector

    # --- answers ----------------------------------------------------------------------------------------

    async def _words(self, line: Line, argument: str) -> None:
        count, rate = count_and_rate(argument)
        await self._say(line, texts.words(count), rate)

    async def _think(self, line: Line, argument: str) -> None:
        count, rate = count_and_rate(argument)
        async for batch in paced(texts.words(count), rate):
            for word in batch:
                await line.text(piece("", reasoning=word))
        await self._say(line, texts.words(count), rate, thought=count)

    async def _echo(self, line: Line, argument: str) -> None:
        await self._say(line, texts.tokenized(json.dumps(line.record.body, ensure_ascii=False)), 0)

    async def _call(self, line: Line, argument: str) -> None:
        (function, *_) = line.record.body["payload"]["functions"]["text"]
        call = {"name": function["name"], "arguments": json.dumps({"city": "合肥"}, ensure_ascii=False)}
        await line.text(piece("", status=2, call=call, usage=usage(line.record.body, 5)))
        await line.close()

    async def _script(self, line: Line, argument: str) -> None:
        script = Script.of(_told(line.record.body["payload"]["message"]["text"]))
        said = [one for one in script.lines if not one.startswith("call ")]
        for one in said:
            await line.text(piece(one.replace("{results}", " | ".join(script.results))))
        for one in script.lines[len(said) :][:1]:  # it calls one function at a time
            _, name, arguments = one.split(" ", 2)
            names = [function["name"] for function in line.record.body["payload"]["functions"]["text"]]
            assert name in names or name == "nothing"
            call = {"name": name, "arguments": arguments}
            await line.text(piece("", status=2, call=call, usage=usage(line.record.body, 5)))
            await line.close()
            return
        await self._say(line, [], 0)

    async def _hold(self, line: Line, argument: str) -> None:
        await line.text(piece("The first half"))
        await self.released()
        await self._say(line, [" and the second."], 0)

    async def _big(self, line: Line, argument: str) -> None:
        await self._say(line, ["好" * (int(argument or 70_000) // 3)], 0)

    async def _fragments(self, line: Line, argument: str) -> None:
        for status, said in enumerate(("第一句话，", "second 😀 ", "完。")):
            raw = piece(said, status=status).encode()
            for data in fragments([raw[at : at + 1] for at in range(len(raw))], between=frame(PING, b"hb")):
                await line.raw(data)
        await line.close()

    async def _slow(self, line: Line, argument: str) -> None:
        data = [frame(TEXT, piece(said, status=status).encode()) for status, said in ((0, "慢"), (2, "慢来"))]
        await line.raw(b"".join(data), 1, float(argument or 0.001))
        await line.close()

    async def _say(self, line: Line, tokens: list[str], rate: float, *, thought: int = 0) -> None:
        async for batch in paced(tokens, rate):
            for token in batch:
                await line.text(piece(token))
            line.record.text += "".join(batch)
        await line.text(piece("", status=2, usage=usage(line.record.body, len(tokens) + thought)))
        await line.close()

    async def _vector(self, line: Line, argument: str, size: int = 0) -> None:
        for one in transcripts()[argument]["frames"]:
            if "abort" in one:
                await line.reset()
                return
            line.said_goodbye = line.said_goodbye or "close" in one
            await line.raw(encoded(one), size)
        if not line.said_goodbye:
            await asyncio.Event().wait()

    async def _vector_bytes(self, line: Line, argument: str) -> None:
        await self._vector(line, argument, 1)

    # --- faults -----------------------------------------------------------------------------------------

    async def _fail(self, line: Line, code: int, message: str) -> None:
        await line.text(failed(code, message))
        await line.close()

    async def _error(self, line: Line, argument: str) -> None:
        code, _, count = argument.partition(":")
        for word in texts.words(int(count or 0)):
            await line.text(piece(word))
        await self._fail(line, int(code), f"failed with {code}, as asked")

    async def _moderation(self, line: Line, argument: str) -> None:
        await self._error(line, f"10014:{argument or 3}")

    async def _withdraw(self, line: Line, argument: str) -> None:
        await line.text(piece("", reasoning="A thought that leads there."))
        for word in texts.words(int(argument or 5)):
            await line.text(piece(word))
        await self.released()
        await self._fail(line, 10014, "很抱歉，无法继续回答。")

    async def _cut(self, line: Line, argument: str) -> None:
        await self._some(line, argument)
        await line.raw(frame(TEXT, piece("never whole").encode())[:40])
        await line.half_closed()

    async def _reset(self, line: Line, argument: str) -> None:
        await self._some(line, argument)
        await line.reset()

    async def _close(self, line: Line, argument: str) -> None:
        count, _, code = argument.partition(":")
        await self._some(line, count)
        await line.close(int(code or 1000))

    async def _garbage(self, line: Line, argument: str) -> None:
        await self._some(line, argument)
        await line.raw(GARBAGE)
        await line.half_closed()

    async def _endless(self, line: Line, argument: str) -> None:
        while True:
            for word in texts.words(64):
                await line.text(piece(word))

    async def _silent(self, line: Line, argument: str) -> None:
        await asyncio.Event().wait()

    async def _pieces(self, line: Line, argument: str) -> None:
        for data in self.pieces:
            await line.raw(data)
            await asyncio.sleep(0)
        await line.half_closed()

    async def _some(self, line: Line, argument: str) -> None:
        for word in texts.words(int(argument or 5)):
            line.record.text += word
            await line.text(piece(word))


BEHAVIOURS = {
    *(
        "words",
        "think",
        "echo",
        "call",
        "script",
        "hold",
        "big",
        "fragments",
        "slow",
        "vector",
        "vector-bytes",
    ),
    *("error", "moderation", "withdraw", "cut", "reset", "close", "endless", "silent", "pieces", "garbage"),
}


def _told(texts: list[dict[str, str]]) -> list[tuple[str, str]]:
    """What was said so far. There is no role for a result: it stands behind the call that it answers."""
    told: list[tuple[str, str]] = []
    for one in texts:
        if one["role"] == "assistant" and re.search(r"^\w+\(.*\)\Z", one["content"], re.M | re.S):
            told.append(("call", one["content"]))
        elif one["role"] == "user":
            answers = bool(told) and told[-1][0] in ("call", "result")
            told.append(("result", one["content"]) if answers else ("ask", one["content"]))
        else:
            told.append(("said", one["content"]))
    return told


class Scripted(SparkServer):
    """Plays `scene`, for the contract suite."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(())

    async def answer(self, line: Line) -> None:
        scene = self.scene
        pieces = [frame(TEXT, piece(text).encode()) for text in scene.texts]
        while scene.ending == "endless":
            for data in pieces:
                await line.raw(data)
            await asyncio.sleep(0)
        if scene.ending == "good":
            pieces.append(frame(TEXT, piece("", status=2).encode()))
        elif scene.ending == "error":
            pieces.append(frame(TEXT, failed(10012, scene.message).encode()))
        if scene.size:
            await line.raw(b"".join(pieces), scene.size)
        else:
            for data in pieces:
                await line.raw(data)
                await asyncio.sleep(0)
        await (line.reset() if scene.ending == "cut" else line.close())


def scripted() -> Scripted:
    """For the contract suite."""
    server = Scripted()
    server.path = "/do/scene"  # an address with a path takes any domain
    return server


if __name__ == "__main__":
    main(SparkServer)
