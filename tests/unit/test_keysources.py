"""Where keys come from: which place wins, and that no place costs time or asks anybody unasked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import pytest

from nbstream.chat.keys import Keys
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.keysources import dotenv, vault
from nbstream.providers import registry
from tests.environment import clean

KEY = "sk-from-{}-0123456789"


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in memory, as good as the system's; `locked`: it waits for its owner."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []
        self.opened = threading.Event()
        self.opened.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        self.opened.wait(30)
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


class Notepad(Drawer):
    """A backend that the package itself does not recommend."""

    priority = 0.5  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for provider in registry.keyed():
        for field in provider.fields:
            for name in field.env:
                monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    yield from in_use(Drawer())


def in_use(made: Drawer) -> Iterator[Any]:
    before = keyring.get_keyring()
    keyring.set_keyring(made)
    vault._backend.cache_clear()
    vault._reading.clear()
    yield made
    keyring.set_keyring(before)
    vault._backend.cache_clear()
    vault._reading.clear()


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    held: dict[str, str] = {}
    module: Any = types.ModuleType("google.colab")
    module.userdata = types.SimpleNamespace(get=lambda name: held[name])  # a KeyError, as for one not granted
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return held


def used(keys: Keys, **given: str) -> str | None:
    found = keys.credentials(registry.get("openai"), given or None).get("api_key")
    return found and found.reveal()


def test_the_first_place_that_has_a_key_wins(
    drawer: Drawer, colab: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "keys.env"
    keys = Keys(lambda: str(file) if file.exists() else "")
    assert used(keys) is None
    file.write_text(f"OPENAI_API_KEY={KEY.format('file')}")
    assert used(keys) == KEY.format("file")
    colab["OPENAI_API_KEY"] = KEY.format("colab")
    assert used(keys) == KEY.format("colab")
    vault.write("openai", {"api_key": Secret(KEY.format("keyring"))})
    assert used(keys) == KEY.format("keyring")
    monkeypatch.setenv("OPENAI_API_KEY", KEY.format("environment"))
    assert used(keys) == KEY.format("environment")
    keys.login("openai", api_key=KEY.format("login"))
    assert used(keys) == KEY.format("login")
    assert used(keys, api_key=KEY.format("call")) == KEY.format("call")


def test_fields_of_one_provider_may_come_from_different_places(
    drawer: Drawer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_APP_ID", "abcd1234")
    monkeypatch.setenv("SPARK_API_KEY", "key-0123456789")
    vault.write("spark", {"api_secret": Secret("secret-0123456789")})
    assert Keys().ready() == ["spark"]
    assert set(Keys().credentials(registry.get("spark"))) == {"app_id", "api_key", "api_secret"}


# --- the keyring ------------------------------------------------------------------------------------------


def test_who_is_ready_is_known_without_asking_the_keyring(drawer: Drawer) -> None:
    vault.write("deepseek", {"api_key": Secret(KEY.format("keyring"))})
    assert Session().default_model() == "deepseek" and drawer.asked == []
    listed = vault.index().read_text()
    assert "deepseek" in listed and "sk-" not in listed


def test_only_what_was_stored_from_here_is_looked_for(drawer: Drawer) -> None:
    drawer.held["nbstream", "openai.api_key"] = KEY.format("elsewhere")
    assert used(Keys()) is None and drawer.asked == []


def test_with_nothing_stored_the_package_is_not_even_imported(tmp_path: Path) -> None:
    code = """
import sys, nbstream
from nbstream.chat.session import session
session().ready()
try: nbstream.ask("hi", model="openai:x")
except nbstream.NbstreamError as error: print(error.case)
print("keyring" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["no_key", "False"]


def test_a_locked_keyring_is_not_waited_for_and_its_key_comes_later(
    drawer: Drawer, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write("openai", {"api_key": Secret(KEY.format("keyring"))})
    monkeypatch.setattr(vault, "PATIENCE", 0.01)
    drawer.opened.clear()
    assert used(Keys()) is None
    drawer.opened.set()
    vault._reading["openai"].result(10)
    assert used(Keys()) == KEY.format("keyring")
    assert drawer.asked == ["openai.api_key"], "asked once for a kernel's life"


def test_a_keyring_that_keeps_keys_in_plain_files_is_refused() -> None:
    for _ in in_use(Notepad()):
        with pytest.raises(NbstreamError) as caught:
            vault.write("openai", {"api_key": Secret(KEY.format("keyring"))})
        assert caught.value.case == "keyring_none"


def test_what_is_taken_out_is_gone(drawer: Drawer) -> None:
    vault.write("openai", {"api_key": Secret(KEY.format("keyring"))})
    assert used(Keys()) is not None
    assert vault.remove("openai") == ["api_key"] and drawer.held == {}
    assert used(Keys()) is None and vault.remove("openai") == []


def test_a_backend_that_fails_says_no_key(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Drawer, service: str, username: str, password: str) -> None:
        raise ValueError(f"cannot store {password}")

    monkeypatch.setattr(Drawer, "set_password", fails)
    with pytest.raises(NbstreamError) as caught:
        vault.write("openai", {"api_key": Secret(KEY.format("keyring"))})
    assert caught.value.case == "keyring_failed" and "sk-" not in str(caught.value)
    assert vault.stored("openai") == []


# --- Colab ------------------------------------------------------------------------------------------------


def test_colab_is_asked_for_the_provider_in_use_alone_and_on_the_main_thread(colab: dict[str, str]) -> None:
    colab["OPENAI_API_KEY"] = KEY.format("colab")
    keys = Keys()
    assert keys.ready() == [], "to see who has a key would open a dialog for each"
    found: list[str | None] = []
    other = threading.Thread(target=lambda: found.append(used(keys)))
    other.start()
    other.join()
    assert found == [None] and used(keys) == KEY.format("colab")


# --- files of variables -----------------------------------------------------------------------------------


def test_a_file_is_read_as_it_stands_and_nothing_in_it_is_carried_out(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(
        "\ufeff# keys\r\nexport OPENAI_API_KEY='sk-a#b c'  # mine\r\nA = $(touch ran)\r\n"
        "B=${OPENAI_API_KEY}\r\nC=\r\nD=one\r\nD=two # second\r\nnot a line\r\n密钥=x\r\n".encode()
    )
    found = {name: secret.reveal() for name, secret in dotenv.read(file).items()}
    assert found == {
        "OPENAI_API_KEY": "sk-a#b c",
        "A": "$(touch ran)",
        "B": "${OPENAI_API_KEY}",
        "D": "two",
    }
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "binary", "large"])
def test_what_is_no_file_of_keys_is_a_clear_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00KEY=1")
    elif kind == "large":
        path.write_bytes(b"#" * (dotenv.LARGEST + 1))
    with pytest.raises(NbstreamError) as caught:
        dotenv.read(path)
    assert caught.value.case == ("no_env_file" if kind == "missing" else "env_file")


def test_a_file_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1")
    file.chmod(0o644)
    assert dotenv.open_to_others(file)
    file.chmod(0o600)
    assert not dotenv.open_to_others(file)


def test_a_setting_names_the_file_and_a_wrong_one_costs_no_other_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = Session()
    (tmp_path / "keys").write_text("GROQ_API_KEY=gsk-0123456789abcdef\n")
    here.settings.env_file = "keys"
    assert here.ready() == ["groq"]
    assert here.call("hi", model="groq:x").credentials["api_key"].reveal() == "gsk-0123456789abcdef"
    here.settings.env_file = "nowhere"
    monkeypatch.setenv("OPENAI_API_KEY", KEY.format("environment"))
    assert here.ready() == ["openai"]
    assert used(here.keys) == KEY.format("environment")


# --- what must not be sent --------------------------------------------------------------------------------


def test_a_prompt_with_a_key_in_it_is_refused_by_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys()
    keys.login("openai", api_key=KEY.format("login"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    monkeypatch.setenv("SHORT_TOKEN", "hello")
    for text, name in ((KEY.format("login"), "openai"), ("wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY")):
        with pytest.raises(NbstreamError) as caught:
            keys.refuse_in(f"what is {text!r}?")
        assert name in caught.value.what and text not in str(caught.value)
    with pytest.raises(NbstreamError) as caught:
        keys.refuse_as_name(KEY.format("login"))
    assert "name" in caught.value.what and KEY.format("login") not in str(caught.value)
    keys.refuse_in("say hello to OPENAI_API_KEY and to sk-from-somebody-else-0123")
    assert keys.hide_in(f"a {KEY.format('login')} b") == "a …6789 b"


def test_the_audit_log_knows_of_logins_and_of_no_key(tmp_path: Path) -> None:
    here = Session()
    here.audit.open(tmp_path / "audit.jsonl")
    here.login("openai", api_key=KEY.format("one"))
    here.login("openai", api_key=KEY.format("two"))
    here.logout()
    text = (tmp_path / "audit.jsonl").read_text()
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["login", "rotation", "logout"]
    assert "sk-" not in text and "6789" not in text
