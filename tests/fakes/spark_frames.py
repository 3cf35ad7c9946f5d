"""Frames of Spark's WebSocket as the service writes them, and its transcripts."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from . import vectors
from .websocket_server import BINARY, PING, TEXT, frame
from .ws import closing, fragments

SID = "cht000b1a2c@dx19ab34cd56e7f81234"


@cache
def transcripts() -> dict[str, dict[str, Any]]:
    """The transcripts of both protocols by name."""
    raw = (vectors.FOLDER / "spark_transcripts.json").read_text("utf-8")
    return {one["name"]: one for one in json.loads(raw)["transcripts"]}


def piece(
    content: str,
    *,
    status: int = 1,
    reasoning: str | None = None,
    call: dict[str, str] | None = None,
    usage: dict[str, int] | None = None,
) -> str:
    """One frame of an answer."""
    item: dict[str, Any] = {"content": content, "role": "assistant", "index": 0}
    if reasoning is not None:
        item["reasoning_content"] = reasoning
    if call is not None:
        item["function_call"] = call
    payload: dict[str, Any] = {"choices": {"status": status, "seq": 0, "text": [item]}}
    if usage is not None:
        payload["usage"] = {"text": usage}
    header = {"code": 0, "message": "Success", "sid": SID, "status": status}
    return json.dumps({"header": header, "payload": payload}, ensure_ascii=False)


def failed(code: int, message: str) -> str:
    """The frame that ends an answer with an error."""
    header = {"code": code, "message": message, "sid": SID, "status": 2}
    return json.dumps({"header": header}, ensure_ascii=False)


def usage(body: dict[str, Any], made: int) -> dict[str, int]:
    asked = sum(len(one["content"].split()) for one in body["payload"]["message"]["text"])
    last = len(body["payload"]["message"]["text"][-1]["content"].split())
    return {
        "question_tokens": last,
        "prompt_tokens": asked,
        "completion_tokens": made,
        "total_tokens": asked + made,
    }


def encoded(one: dict[str, Any]) -> bytes:
    """The bytes of one step of a transcript."""
    if "text" in one:
        return frame(TEXT, one["text"].encode())
    if "fragments" in one:
        return b"".join(fragments([base64.b64decode(part) for part in one["fragments"]]))
    if "binary" in one:
        return frame(BINARY, base64.b64decode(one["binary"]))
    if "ping" in one:
        return frame(PING, base64.b64decode(one["ping"]))
    return closing(one["close"]["code"], one["close"]["reason"])
