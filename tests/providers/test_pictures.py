"""A picture arrives at each service as its protocol says, or nothing is sent and the card says why."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import nbstream
from nbstream.chat import sight
from nbstream.chat.album import Album
from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.messages import Attachment, Message
from nbstream.providers import registry
from nbstream.providers.facts import facts
from tests.environment import ROOT
from tests.fakes import openai_server
from tests.fakes.scripted import Scene, Server
from tests.providers.test_contract import NAMES

PNG = Attachment("image/png", b"\x89PNG one", "one.png")
JPEG = Attachment("image/jpeg", b"\xff\xd8 two", "two.jpg")
ASKED = Message("user", "What is it?", attachments=(PNG, JPEG))
Read = tuple[str, str, bytes]
"""What a message holds: the kind of its parts, media type, and text or picture."""


def of_chat(message: dict[str, Any]) -> Iterator[Read]:
    content = message["content"]
    for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
        if part["type"] == "text":
            yield "text", "", part["text"].encode()
            continue
        assert part["type"] == "image_url"
        head, _, data = part["image_url"]["url"].partition(";base64,")
        yield "image", head.removeprefix("data:"), b64decode(data)


def of_anthropic(message: dict[str, Any]) -> Iterator[Read]:
    content = message["content"]
    for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
        if part["type"] == "text":
            yield "text", "", part["text"].encode()
            continue
        assert part["type"] == "image" and part["source"]["type"] == "base64"
        yield "image", part["source"]["media_type"], b64decode(part["source"]["data"])


def of_gemini(message: dict[str, Any]) -> Iterator[Read]:
    for part in message["parts"]:
        if "text" in part:
            yield "text", "", part["text"].encode()
        else:
            yield "image", part["inlineData"]["mimeType"], b64decode(part["inlineData"]["data"])


def of_ollama(message: dict[str, Any]) -> Iterator[Read]:
    yield "text", "", message["content"].encode()
    for data in message.get("images", ()):
        yield "image", "", b64decode(data)


READ: dict[str, tuple[str, Callable[[dict[str, Any]], Iterator[Read]]]] = {
    "openai": ("messages", of_chat),
    "ernie": ("messages", of_chat),
    "anthropic": ("messages", of_anthropic),
    "gemini": ("contents", of_gemini),
    "ollama": ("messages", of_ollama),
}
TEXT_ONLY = ("spark", "spark-http", "ernie-v1")
"""Dialects that have no place for a picture. A new dialect is in one of the two, or fails here."""


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def server(name: str) -> Iterator[Server]:
    fake = import_module(f"tests.fakes.{registry.get(name).dialect.replace('-', '_')}_server")
    with fake.scripted() as running:
        running.scene = Scene(("a",))
        running.credentials = fake.CREDENTIALS
        yield running


def given(name: str, server: Any) -> dict[str, Any]:
    return {"model": f"{name}:any", "base_url": server.url, "credentials": server.credentials, "retries": 0}


def received(name: str, server: Server) -> list[list[Read]]:
    """What stood in the user's messages of the last request."""
    where, read = READ[registry.get(name).dialect]
    body: Any = server.log[-1].body
    return [list(read(one)) for one in body[where] if one["role"] == "user"]


def pictures(read: list[Read]) -> list[bytes]:
    return [data for kind, _, data in read if kind == "image"]


def test_pictures_arrive_or_are_refused_before_anything_is_sent(name: str, server: Server) -> None:
    if registry.get(name).dialect in TEXT_ONLY:
        with pytest.raises(NbstreamError) as caught:
            nbstream.ask(ASKED, **given(name, server))
        assert caught.value.case.startswith("no_images") and "one.png, two.jpg" in caught.value.why
        assert not server.log
        return
    assert nbstream.ask(ASKED, **given(name, server)).text == "a"
    [read] = received(name, server)
    assert pictures(read) == [PNG.data, JPEG.data] and ("text", "", b"What is it?") in read
    types = {media_type for kind, media_type, _ in read if kind == "image"}
    assert types in ({PNG.media_type, JPEG.media_type}, {""}), "Ollama finds out by itself"


def test_a_conversation_sends_its_pictures_again_and_a_picture_needs_no_words(
    name: str, server: Server
) -> None:
    talk = Session().conversation()
    if registry.get(name).dialect in TEXT_ONLY:
        # Another model saw the picture; this one is told that there was one.
        talk.ask("look", model="demo", options={"delay": 0})
        turn = talk.turns[0]
        turn.model, turn.attachments = "openai:seeing", (PNG,)
        talk.ask("and now?", **given(name, server))
        assert "[image: one.png]" in str(server.log[-1].body)
        return
    talk.ask("", attachments=(PNG,), **given(name, server))
    talk.ask("and this?", attachments=(JPEG,), **given(name, server))
    talk.ask("which one?", **given(name, server))
    assert [pictures(read) for read in received(name, server)] == [[PNG.data], [JPEG.data], []]


# --- which are sent -----------------------------------------------------------------------------------

BLIND = "groq:openai/gpt-oss-120b"
KEYS = {"api_key": "k" * 20}


def chat(messages: Any, model: str = "openai:some-model") -> Any:
    return Session().call(messages, model=model, credentials=KEYS).chat.messages


def test_a_model_that_is_known_not_to_see_is_not_asked_and_is_told_of_earlier_pictures() -> None:
    assert facts("groq", "openai/gpt-oss-120b").sees is False
    with pytest.raises(NbstreamError) as caught:
        chat(ASKED, BLIND)
    assert caught.value.case == "blind" and "gpt-oss-120b" in caught.value.what
    assert caught.value.fix == "%llm models groq"
    with pytest.raises(NbstreamError) as caught:
        chat(ASKED, "qwen:qwen-plus")
    assert caught.value.fix == "%llm use qwen:qwen3.7-plus"
    first, _, last = chat([ASKED, {"role": "assistant", "content": "a cat"}, "sure?"], BLIND)
    assert first.content == "What is it?\n\n[image: one.png] [image: two.jpg]" and not first.attachments
    assert last.content == "sure?"


def test_of_many_pictures_the_newest_are_sent_and_the_names_of_the_others() -> None:
    one = [Message("user", f"{number}", attachments=(PNG,)) for number in range(sight.MOST + 3)]
    sent = chat(one)
    assert [len(message.attachments) for message in sent] == [0] * 3 + [1] * sight.MOST
    assert sent[0].content == "0\n\n[image: one.png]"
    large = Attachment("image/png", bytes(sight.MOST_BYTES - 1), "large.png")
    sent = chat([Message("user", "a", attachments=(large,)), Message("user", "b", attachments=(PNG,))])
    assert [message.attachments for message in sent] == [(), (PNG,)]


def test_more_pictures_with_one_question_than_services_take_are_refused() -> None:
    with pytest.raises(NbstreamError) as caught:
        chat(Message("user", "a", attachments=(PNG,) * (sight.MOST + 1)))
    assert caught.value.case == "images_size" and str(sight.MOST) in caught.value.why


def test_text_that_was_attached_is_no_picture() -> None:
    note = Attachment("text/plain", b"a note", "note.txt")
    for model in (BLIND, "openai:x"):
        [sent] = chat(Message("user", "read this: a note", attachments=(note,)), model)
        assert sent.content == "read this: a note"


def test_what_a_long_conversation_keeps_of_its_pictures_has_a_bound() -> None:
    talk = Session().conversation()
    talk._album.most = 2 * len(PNG.data)
    for number in range(4):
        talk.begin(f"{number}", attachments=(PNG,), model="openai:x", credentials=KEYS)
    assert [bool(turn.attachments[0].data) for turn in talk.turns] == [False, False, True, True]
    talk.undo(2)
    talk.begin("more", attachments=(PNG, PNG), model="openai:x", credentials=KEYS)
    assert [[bool(one.data) for one in turn.attachments] for turn in talk.turns] == [
        [False],
        [False],
        [True] * 2,
    ]
    assert chat([talk.turns[0].question()])[0].content == "0\n\n[image: one.png]", "its name is still told"


def test_the_audit_log_names_what_went_along_and_holds_nothing_of_it(tmp_path: Path) -> None:
    here = Session()
    here.audit.open(tmp_path / "audit.jsonl")
    here.conversation().begin("look", attachments=(PNG,), model="openai:x", credentials=KEYS)
    with pytest.raises(NbstreamError):
        here.conversation().begin("look", attachments=(PNG,), model=BLIND, credentials=KEYS)
    [line] = (tmp_path / "audit.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert found.pop("time")
    assert found == {
        "event": "attachment",
        "name": "one.png",
        "media_type": "image/png",
        "bytes": len(PNG.data),
    }


@pytest.mark.parametrize("page", ["variables.md", "variables.zh.md"])
def test_what_the_page_shows_in_python_works(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.S)
    Image.new("RGB", (9, 9)).save(tmp_path / "chart.png")
    monkeypatch.chdir(tmp_path)
    with openai_server.scripted() as server:
        server.scene = Scene(("a chart",))
        where = f"model='openai:any', base_url={server.url!r}, credentials={KEYS!r}"
        exec(code.replace("(picture,)))", f"(picture,)), {where})"), {})
        [read] = received("openai", server)
    assert [kind for kind, *_ in read] == ["text", "image"]


def test_pictures_of_questions_that_are_merged_into_one_all_go_along() -> None:
    two = [Message("user", "one", attachments=(PNG,)), Message("user", "two", attachments=(JPEG,))]
    call = Session().call(two, model="ernie:any", credentials=KEYS)
    [message] = json.loads(call.provider.request(call.chat, call.credentials).body or b"")["messages"]
    assert pictures(list(of_chat(message))) == [PNG.data, JPEG.data]


def test_turns_that_were_taken_out_make_room() -> None:
    album, old, new = Album(most=2 * len(PNG.data)), Turn("a", "m", attachments=(PNG,)), Turn("b", "m")
    album.add(old)
    album.add(Turn("taken out", "m", attachments=(PNG,)))
    new.attachments = (PNG,)
    album.add(new)
    assert old.attachments[0].data and new.attachments[0].data
