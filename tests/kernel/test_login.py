"""Keys: typed into a hidden prompt, checked, kept in the kernel, and never shown."""

from __future__ import annotations

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
    kernel.run("%load_ext nbstream\n%env OPENAI_API_KEY=sk-0123456789abcdef")
    run = kernel.start("%llm login spark", allow_stdin=True)
    prompts = []
    for typed in ("abcd1234", "secret-0123456789abcdef", " “key-0123456789abcdef” "):
        request = kernel.client.get_stdin_msg(timeout=30)["content"]
        prompts.append((request["prompt"], request["password"]))
        kernel.client.input(typed)
    shown = run.finish().markdown
    assert prompts == [("APPID: ", False), ("APISecret: ", True), ("APIKey: ", True)]
    assert "APPID abcd1234, APISecret …cdef, APIKey …cdef" in shown and "first question will show" in shown
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
