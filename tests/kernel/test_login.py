"""Keys: typed into a hidden prompt, checked, kept in the kernel, and never shown."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.spark_server import CREDENTIALS as SPARK
from tests.kernel.kernels import Kernel, Run
from tests.served import KEY, Served

WRONG = "sk-wrong-0123456789abcdef"


def login(kernel: Kernel, typed: str) -> Run:
    """Run ``%llm login openai`` and type a key at its prompt."""
    run = kernel.start("%llm login openai", allow_stdin=True)
    request = kernel.client.get_stdin_msg(timeout=30)
    assert request["content"]["password"] is True, "the prompt hides what is typed"
    kernel.client.input(typed)
    return run.finish()


def addressed(kernel: Kernel, served: Served) -> None:
    kernel.run(f"%load_ext nbstream\n%env OPENAI_BASE_URL={served.url}")


def everything(kernel: Kernel) -> str:
    return str([run.messages for run in kernel.runs.values()])


def test_a_good_key_is_kept_checked_and_used(kernel: Kernel, served: Served) -> None:
    addressed(kernel, served)
    run = login(kernel, KEY)
    assert "✓" in run.markdown and f"…{KEY[-4:]}" in run.markdown
    kernel.run("%%llm -m openai:words:5\nHello", allow_stdin=True)
    assert served.log()[-1]["auth"] is True
    assert KEY not in everything(kernel)


def test_spark_is_asked_as_its_console_shows_it_and_leads_on(kernel: Kernel) -> None:
    nobody = "ws://127.0.0.1:9/v4.0/chat"
    kernel.run(f"%load_ext nbstream\n%env OPENAI_API_KEY=sk-0123456789abcdef\n%env SPARK_BASE_URL={nobody}")
    run = kernel.start("%llm login spark", allow_stdin=True)
    prompts = []
    for typed in ("abcd1234", "secret-0123456789abcdef", " “key-0123456789abcdef” "):
        request = kernel.client.get_stdin_msg(timeout=30)["content"]
        prompts.append((request["prompt"], request["password"]))
        kernel.client.input(typed)
    shown = run.finish().markdown
    assert prompts == [("APPID: ", False), ("APISecret: ", True), ("APIKey: ", True)]
    assert "APPID abcd1234, APISecret …cdef, APIKey …cdef" in shown and "saved, not checked: " in shown
    assert "`%llm use spark`" in shown
    again = kernel.run("%unload_ext nbstream\n%load_ext nbstream").text
    assert "openai, spark" in again and "choose one: %llm use openai" in again


def test_a_wrong_key_is_a_card_and_is_not_kept(kernel: Kernel, served: Served) -> None:
    addressed(kernel, served)
    run = login(kernel, WRONG)
    assert run.status == "ok" and "⚠" in run.markdown
    assert "nothing" not in run.markdown
    assert "No key" in kernel.run("%llm logout", allow_stdin=True).markdown
    assert WRONG not in everything(kernel)


def test_a_prompt_that_is_interrupted_leaves_all_as_it_was(kernel: Kernel) -> None:
    kernel.run("%load_ext nbstream")
    run = kernel.start("%llm login openai", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    kernel.interrupt()
    assert "No key was given" in run.finish().markdown and run.errors == []
    assert "No key was kept" in kernel.run("%llm logout", allow_stdin=True).markdown


def test_with_nobody_to_type_it_says_so(kernel: Kernel) -> None:
    kernel.run("%load_ext nbstream")
    run = kernel.run("%llm login openai", allow_stdin=False)
    assert run.status == "error" and "headless" in run.markdown


def test_logout_forgets(kernel: Kernel, served: Served) -> None:
    addressed(kernel, served)
    login(kernel, KEY)
    assert "openai" in kernel.run("%llm logout openai", allow_stdin=True).markdown
    kernel.run("%%llm -m openai:words:5\nHello", allow_stdin=True)
    assert served.log()[-1]["auth"] is False
    kernel.run(f"%env OPENAI_API_KEY={KEY}")
    assert "in the environment: OPENAI" in kernel.run("%llm logout openai", allow_stdin=True).markdown
    assert "%llm login openai" in kernel.run("%llm login openaii", allow_stdin=True).markdown


def test_a_literal_key_works_and_says_once_how_to_clear_it(kernel: Kernel, served: Served) -> None:
    addressed(kernel, served)
    cell = f"import nbstream\nnbstream.login('openai', api_key='{KEY}')"
    assert "%llm login --clear" in kernel.run(cell).text
    assert "--clear" not in kernel.run(cell).text


def test_a_traceback_and_debug_logging_hold_no_key(kernel: Kernel, served: Served) -> None:
    addressed(kernel, served)
    kernel.run("import logging\nlogging.basicConfig(level=logging.DEBUG, force=True)\n%xmode Verbose")
    login(kernel, WRONG)
    kernel.run(f"import os\nos.environ['OPENAI_API_KEY'] = ''.join(reversed({WRONG[::-1]!r}))")
    runs = [
        kernel.run("%%llm -m openai:words:5\nHello", allow_stdin=False),
        kernel.run("import nbstream\nnbstream.ask('hi', model='openai:words:5')"),
        kernel.run("%tb"),
        kernel.run("%llm why", allow_stdin=True),
        kernel.run("for text in nbstream.stream('hi', model='openai:cut:5'): pass"),
        kernel.run("session = nbstream.chat.session.session(); session, vars(session), session._pools"),
    ]
    assert [run.status for run in runs[:2]] == ["error", "error"]
    assert WRONG not in str([run.messages for run in runs])


OTHER = "sk-other-9876543210fedc"


def test_a_day_with_keys(kernel: Kernel, tmp_path: Path) -> None:
    """One kernel for all: a wrong key keeps the right one, a new one rotates, files, keyring, logout."""
    with Served(key=None) as served:
        kernel.run(f"%load_ext nbstream\n%env OPENAI_BASE_URL={served.url}")
        kernel.run("%env PYTHON_KEYRING_BACKEND=tests.unit.test_keysources.Drawer")
        login(kernel, KEY)
        shown = login(kernel, OTHER).markdown
        assert f"…{OTHER[-4:]} ✓" in shown and f"takes the place of API Key …{KEY[-4:]}" in shown
        run = kernel.start("%llm login openai --keyring", allow_stdin=True)
        kernel.client.get_stdin_msg(timeout=30)
        kernel.client.input(KEY)
        assert "`%llm logout openai --keyring`" in run.finish().markdown
        assert "keyring" in kernel.run("%llm logout openai", allow_stdin=True).markdown
        kernel.run("%%llm -m openai:words:5\nHello", allow_stdin=True)
        assert "authorization" in served.log()[-1]["headers"], "the keyring has it still"
        gone = kernel.run("%llm logout openai --keyring", allow_stdin=True).markdown
        assert "Out of this system's keyring: openai" in gone and "still" not in gone
        kernel.run("%%llm -m openai:words:5\nHello", allow_stdin=True)
        assert "authorization" not in served.log()[-1]["headers"]

        file = tmp_path / "my keys.env"
        file.write_text(f"OPENAI_API_KEY={KEY}\nGROQ_API_KEY={OTHER}\n")
        file.chmod(0o644)
        missing = kernel.run("%llm login openai --env", allow_stdin=False)
        assert "no file .env" in missing.markdown
        shown = kernel.run('%llm login openai --env "my keys.env"', allow_stdin=False).markdown
        assert f"…{KEY[-4:]} ✓" in shown and "chmod 600" in shown
        both = kernel.run('%llm login --env "my keys.env"', allow_stdin=False).markdown
        assert "OpenAI" in both and "Groq" in both and "not checked" in both
        assert "QIANFAN_API_KEY" in kernel.run('%llm login ernie --env "my keys.env"').markdown
    assert KEY not in everything(kernel) and OTHER not in everything(kernel)


def test_a_key_that_was_typed_into_a_cell_can_be_cleared_from_the_history(kernel: Kernel) -> None:
    kernel.run("%load_ext nbstream")
    kernel.run(f"import nbstream\nnbstream.login('openai', api_key={KEY!r})")
    refused = kernel.run(f"%llm login deepseek {OTHER}", allow_stdin=True).markdown
    assert "%llm login deepseek" in refused and "%llm login --clear" in refused and OTHER not in refused
    kernel.run("get_ipython().history_manager.writeout_cache()")  # in the file, as after a while
    kernel.run(f"'{OTHER}'")  # and not yet in the file
    assert "Entries changed: 3" in kernel.run("%llm login --clear", allow_stdin=True).markdown
    assert "none of the keys" in kernel.run("%llm login --clear", allow_stdin=True).markdown
    kept = "[value for name, value in globals().copy().items() if name[:2] == '_i']"
    seen = kernel.run(f"%history -g\nprint(In, {kept})").text
    assert "login('openai', api_key='…" in seen, "an entry keeps its place"
    path = Path(kernel.value("get_ipython().history_manager.hist_file"))
    kernel.run("get_ipython().history_manager.writeout_cache()")
    for text in (seen.encode(), path.read_bytes()):
        assert KEY.encode() not in text and OTHER.encode() not in text


def test_a_prompt_that_holds_a_key_is_not_sent(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    card = kernel.run(f"%%llm -m openai:echo\nIs {KEY} a good key?", allow_stdin=True).markdown
    assert f"…{KEY[-4:]}" in card and "it was not sent" in card
    kernel.run("import os\nsettings = dict(os.environ)")
    card = kernel.run("%%llm -m openai:echo\nWhat is in {{settings}}?", allow_stdin=True).markdown
    assert "it was not sent" in card and KEY not in card
    assert served.log() == []
    kernel.run(f"%%llm -m openai:words:3 --raw\nIs {KEY} a good key?", allow_stdin=True)
    assert len(served.log()) == 1


def test_sparks_keys_are_checked_by_a_handshake_that_asks_nothing(kernel: Kernel) -> None:
    with Served("spark", key=None) as served:
        kernel.run(f"%load_ext nbstream\n%env SPARK_BASE_URL={served.url}")

        def typed(*answers: str) -> str:
            run = kernel.start("%llm login spark", allow_stdin=True)
            for answer in answers:
                kernel.client.get_stdin_msg(timeout=30)
                kernel.client.input(answer)
            return run.finish().markdown

        good = [SPARK[name] for name in ("app_id", "api_secret", "api_key")]
        refused = typed(good[0], "wrong" * 6, good[2])
        assert "`%llm login spark`" in refused and "✓" not in refused
        assert "✓" in typed(*good)
