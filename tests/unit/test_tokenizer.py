"""tiktoken is used where it can be without a download, and is never waited for."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbstream.chat import tokenizer
from nbstream.messages import Attachment, ChatRequest, Message

CHAT = ChatRequest((Message("user", "one two three"),), "gpt-known", system="four")


@pytest.fixture
def tiktoken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A module of that name, which knows one model and says when it was asked for it."""
    module: Any = ModuleType("tiktoken")
    module.asked, module.go = threading.Event(), threading.Event()
    module.go.set()

    class Words:
        def encode(self, text: str, disallowed_special: object = None) -> list[str]:
            return text.split()

    def encoding_for_model(model: str) -> Words:
        module.asked.set()
        module.go.wait(10)
        if model != "gpt-known":
            raise KeyError(model)
        return Words()

    module.encoding_for_model = encoding_for_model
    monkeypatch.setitem(sys.modules, "tiktoken", module)
    monkeypatch.setattr(tokenizer, "_loading", {})
    monkeypatch.setattr(tokenizer, "_installed", lambda: True)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return module


def loaded() -> None:
    for thread in threading.enumerate():
        if thread.name == "nbstream-tiktoken":
            thread.join()


def test_it_counts_once_it_is_there(tiktoken: Any, tmp_path: Path) -> None:
    (tmp_path / "vocabulary").write_text("…")
    tiktoken.go.clear()
    assert tokenizer.count("openai", CHAT) is None, "not waited for"
    tiktoken.go.set()
    loaded()
    assert tokenizer.count("openai", CHAT) == 4 + 2 * tokenizer.EACH


def test_nothing_is_fetched_that_nobody_asked_for(tiktoken: Any) -> None:
    assert tokenizer.count("openai", CHAT) is None
    loaded()
    assert not tiktoken.asked.is_set()


def test_a_vocabulary_that_somebody_loaded_here_is_used(
    tiktoken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry: Any = ModuleType("tiktoken.registry")
    registry.ENCODINGS = {"o200k_base": object()}
    monkeypatch.setitem(sys.modules, "tiktoken.registry", registry)
    tokenizer.count("openai", CHAT)
    loaded()
    assert tokenizer.count("openai", CHAT) is not None


def test_what_it_does_not_know_is_estimated(tiktoken: Any, tmp_path: Path) -> None:
    (tmp_path / "vocabulary").write_text("…")
    other = ChatRequest(CHAT.messages, "gpt-unheard-of")
    picture = Message("user", "look", attachments=(Attachment("image/png", b"..."),))
    seen = ChatRequest((picture,), "gpt-known")
    for chat in (other, seen, CHAT):
        tokenizer.count("openai", chat)
    loaded()
    assert tokenizer.count("openai", other) is None
    assert tokenizer.count("openai", seen) is None
    assert tokenizer.count("anthropic", CHAT) is None


def test_text_too_long_to_count_in_passing_is_estimated(tiktoken: Any, tmp_path: Path) -> None:
    (tmp_path / "vocabulary").write_text("…")
    long = ChatRequest((Message("user", "x" * (tokenizer.MOST + 1)),), "gpt-known")
    tokenizer.count("openai", long)
    loaded()
    assert tokenizer.count("openai", long) is None
