"""Which model, which key, which address: what a call is put together from."""

import pickle

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.credentials import Secret

KEY = "sk-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name == "NBSTREAM_MODEL":
            monkeypatch.delenv(name)


def error_of(function, *args, **kwargs):
    with pytest.raises(nbstream.NbstreamError) as caught:
        function(*args, **kwargs)
    error = caught.value
    assert len({error.what, error.why, error.fix}) == 3 and all((error.what, error.why, error.fix))
    return error


def test_with_no_key_the_model_is_demo():
    assert Session().default_model() == "demo"


def test_the_only_provider_with_a_key_is_the_default(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
    assert Session().default_model() == "deepseek"


def test_with_several_keys_nothing_is_guessed(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert Session().default_model() == "demo"


def test_the_environment_and_then_use_choose_the_model(monkeypatch):
    monkeypatch.setenv("NBSTREAM_MODEL", "qwen:qwen-plus")
    session = Session()
    assert session.default_model() == "qwen:qwen-plus"
    session.use("demo")
    assert session.default_model() == "demo"


def test_a_base_url_from_the_environment_needs_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    session = Session()
    assert session.default_model() == "openai"
    assert session.call("hi", model="openai:x").chat.base_url == "http://127.0.0.1:9/v1"


def test_a_missing_key_says_where_to_put_it():
    error = error_of(Session().call, "hi", model="openai:x")
    assert error.kind == "config" and "OPENAI_API_KEY" in error.why and error.fix == "%llm login openai"


def test_an_unknown_provider_names_the_nearest():
    error = error_of(Session().call, "hi", model="opnai:x")
    assert "openai" in str(error)


@pytest.mark.parametrize("prompt", ["", "  \n", [], [{"role": "user", "content": " "}]])
def test_an_empty_prompt_is_refused(prompt):
    assert error_of(Session().call, prompt, model="demo").kind == "config"


@pytest.mark.parametrize("prompt", [3, {"role": "robot", "content": "x"}, [{"role": "user"}], None])
def test_what_is_no_message_is_refused(prompt):
    assert error_of(Session().call, prompt, model="demo").kind == "config"


@pytest.mark.parametrize("timeout", [0, -1, "soon", True, {"soon": 1}])
def test_a_bad_time_out_is_refused(timeout):
    assert error_of(Session().call, "hi", model="demo", timeout=timeout).kind == "config"


def test_a_wrong_credential_name_is_refused():
    error = error_of(Session().call, "hi", model="openai:x", credentials={"apikey": KEY})
    assert "api_key" in error.why


def test_login_keeps_a_key_and_logout_forgets_it():
    session = Session()
    session.login("openai", api_key=KEY)
    assert session.call("hi", model="openai:x").credentials["api_key"].reveal() == KEY
    assert session.logout() == ["openai"]
    error_of(session.call, "hi", model="openai:x")


def test_what_is_given_in_the_call_comes_before_what_is_kept_and_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    session = Session()

    def used(**given):
        return session.call("hi", model="openai:x", **given).credentials["api_key"].reveal()

    assert used() == "sk-from-the-environment"
    session.login("openai", api_key="sk-from-the-login-00")
    assert used() == "sk-from-the-login-00"
    assert used(credentials={"api_key": "sk-from-the-call-000"}) == "sk-from-the-call-000"


def test_a_secret_shows_itself_nowhere():
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {[secret]} {secret.wrap('Bearer {}')!r} {vars(Session())}"
    assert KEY not in shown and KEY[:12] not in shown
    assert KEY not in secret.wrap("Bearer {}").hide_in(f"bad key {KEY}")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert str(Secret("short")) == "…"


def test_a_call_that_cannot_be_made_leaves_the_history_alone():
    talk = Session().conversation()
    error_of(talk.ask, "hi", model="nowhere")
    error_of(talk.ask, "", model="demo")
    assert talk.turns == []


def test_a_conversation_remembers_and_a_stateless_call_does_not():
    talk = Session().conversation()
    talk.ask("hello there", model="demo", options={"delay": 0})
    assert "hello there" in talk.ask("what did I just ask?", model="demo", options={"delay": 0}).text
    assert [turn.status for turn in talk.turns] == ["done", "done"]
    before = len(nbstream.conversation().turns)
    nbstream.ask("hello", model="demo", options={"delay": 0})
    assert len(nbstream.conversation().turns) == before


def test_statistics_count_turns_tokens_and_errors():
    session = Session()
    session.conversation().ask("hello", model="demo", options={"delay": 0})
    with pytest.raises(nbstream.NbstreamError):
        session.conversation().ask("hello", model="openai:x", base_url="http://127.0.0.1:9/v1", retries=0)
    demo, openai = session.stats["demo"], session.stats["openai"]
    assert (demo.turns, demo.errors, openai.turns, openai.error_rate) == (1, 0, 1, 1.0)
    assert demo.output_tokens > 20 and demo.first_token_p50 is not None and openai.first_token_p50 is None


# --- keys in what is asked ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["prompt", "sent", "system"])
def test_a_conversation_does_not_send_a_key_and_keeps_none(where, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    talk = Session().conversation()
    given = {"prompt": "hello", "model": "openai:gpt-4o", where: f"my {KEY}"}
    assert error_of(talk.begin, **given).case == "key_in_prompt"
    assert not talk.turns
    turn, run = talk.begin(**given, raw=True)
    assert KEY in repr(run.call.chat), "who insists has it sent"
    assert KEY not in repr(turn)
    assert KEY not in talk.save(tmp_path / "talk.json").path.read_text()
    plain, _ = talk.begin("what is sk-0123 for?", model="openai:gpt-4o", raw=True)
    assert plain.prompt == "what is sk-0123 for?", "the beginning of a key is none"
