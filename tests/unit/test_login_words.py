"""What a person is asked at ``%llm login``, and what may be pasted there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest

import nbstream
from nbstream import api
from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.credentials import guard
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.keysources.typed import prompt_for
from nbstream.magics import args as arguments
from nbstream.magics.verbs import VERBS
from nbstream.messages import Answer
from nbstream.providers import registry


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


def typing(*answers: str) -> tuple[list[str], Callable[[str], str]]:
    """Somebody who answers each prompt in turn, and the prompts that were shown."""
    shown: list[str] = []

    def ask(prompt: str) -> str:
        shown.append(prompt)
        return answers[len(shown) - 1]

    return shown, ask


def asked(name: str, *answers: str) -> tuple[list[str], list[str]]:
    provider = registry.get(name)
    shown, ask = typing(*answers)
    return shown, list(prompt_for(provider.fields, provider.needs, ask))


def test_spark_asks_in_the_words_and_the_order_of_its_console() -> None:
    shown, found = asked("spark", "abcd1234", "secret", "key")
    assert shown == ["APPID: ", "APISecret: ", "APIKey: "]
    assert found == ["app_id", "api_secret", "api_key"]


def test_what_may_be_skipped_says_so() -> None:
    shown, found = asked("ernie", "bce-v3/key", "")
    assert shown == ["API Key: ", "appid (optional, Enter skips it): "] and found == ["api_key"]
    set_language("zh")
    assert asked("ernie", "bce-v3/key", "")[0][1] == "appid（可选，回车跳过）："


def test_one_complete_set_is_enough_and_ends_the_questions() -> None:
    assert len(asked("spark-http", "password")[0]) == 1
    shown, found = asked("spark-http", "", "key", "secret")
    assert "optional" in shown[0] and shown[1:] == ["APIKey: ", "APISecret: "]
    assert found == ["api_key", "api_secret"]
    assert asked("ernie-v1", "ak", "sk")[1] == ["api_key", "secret_key"]
    assert asked("ernie-v1", "", "sk", "iam")[1] == ["secret_key", "access_key"]


def test_a_needed_key_left_out_ends_the_questions() -> None:
    assert len(asked("spark", "abcd1234", "")[0]) == 2


def test_what_is_no_secret_is_seen_as_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: f"seen {prompt[:5]}")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "hidden")
    provider = registry.get("spark")
    found = prompt_for(provider.fields, provider.needs)
    assert [found[field.name].reveal() for field in provider.fields] == ["seen APPID", "hidden", "hidden"]


@pytest.mark.parametrize("failure", [EOFError, NotImplementedError])
def test_where_nobody_can_type_it_says_so(failure: type[Exception]) -> None:
    def ask(prompt: str) -> str:
        raise failure

    with pytest.raises(NbstreamError) as caught:
        prompt_for(registry.get("openai").fields, ask=ask)
    assert "environment" in caught.value.fix


@pytest.mark.parametrize(
    "pasted",
    [
        ' "sk-0123456789abcdef" ',
        "“sk-0123456789abcdef”",
        "‘sk-0123456789abcdef'",
        "「sk-0123456789abcdef」",
        "Bearer sk-0123456789abcdef",
        "Authorization: Bearer sk-0123456789abcdef",
        "api_key=sk-0123456789abcdef",
        "api_key = 'sk-0123456789abcdef'",
        "export OPENAI_API_KEY=sk-0123456789abcdef",
        "APIKey：sk-0123456789abcdef",
    ],
)
def test_what_is_pasted_around_a_key_is_taken_off(pasted: str) -> None:
    assert guard(pasted).reveal() == "sk-0123456789abcdef"


@pytest.mark.parametrize("key", ["aBcD:eFgH", "token:abc", "bce-v3/ALTAK-x/y=", "a=b=", "key", "Bearer"])
def test_a_key_that_looks_like_its_own_prefix_stays_whole(key: str) -> None:
    assert guard(key).reveal() == key


def test_a_key_with_other_letters_in_a_variable_names_the_variable() -> None:
    with pytest.raises(NbstreamError, match="OPENAI_API_KEY"):
        guard("sk-你的密钥", "OPENAI_API_KEY")


def test_with_several_keys_and_no_choice_demo_answers_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Session()
    monkeypatch.setattr(api, "session", lambda: here)
    here.login("spark", app_id="5f1e2d3c", api_key="key", api_secret="secret")
    here.login("ernie", api_key="bce-v3/key")
    with pytest.warns(UserWarning, match=r'spark.*nbstream\.use\("'):
        assert nbstream.ask("hi", options={"delay": 0}).model == "demo"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nbstream.ask("hello", model="demo", options={"delay": 0}).text
        here.use("demo")
        assert nbstream.ask("hello", options={"delay": 0}).text


def test_an_argument_that_is_none_leads_to_the_nearest_or_to_options() -> None:
    with pytest.raises(NbstreamError) as caught:
        nbstream.ask("hi", model="demo", temprature=1)
    assert caught.value.fix == "temperature=…"
    with pytest.raises(NbstreamError) as caught:
        nbstream.ask("hi", model="demo", chat_id=1)
    assert caught.value.fix == 'options={"chat_id": …}'


def test_a_wrong_name_leads_to_the_providers_own_fields() -> None:
    with pytest.raises(NbstreamError) as caught:
        Session().login("spark", appid="x")
    assert caught.value.fix == 'nbstream.login("spark", app_id="…", api_secret="…", api_key="…")'
    with pytest.raises(NbstreamError) as caught:
        Session().call("hi", model="spark", credentials={"appid": "x"})
    assert caught.value.fix == 'credentials={"app_id": "…", "api_secret": "…", "api_key": "…"}'
    with pytest.raises(NbstreamError) as caught:
        Session().login("spark", ["key"])
    assert '[{"app_id": "…", "api_secret": "…", "api_key": "…"}, {' in caught.value.fix


@pytest.mark.parametrize(
    ("verb", "words", "wanted", "usage"),
    [
        ("use", ["a", "b"], "It takes exactly one.", "%llm use MODEL"),
        ("login", [], "It takes exactly one.", "%llm login PROVIDER [--env|--keyring]"),
        ("models", ["a", "b"], "It takes one at most.", "%llm models [PROVIDER|WORD]"),
        ("stats", ["a"], "It takes no word after it.", "%llm stats [-v]"),
    ],
)
def test_words_too_many_or_too_few_lead_to_the_usage(
    verb: str, words: list[str], wanted: str, usage: str
) -> None:
    with pytest.raises(NbstreamError) as caught:
        VERBS[verb](words)
    assert (caught.value.why, caught.value.fix) == (wanted, usage)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("login spark --api-key abc", "spark"),
        ("login 星火 --token abc", "spark"),
        ("-m deepseek:x sk-0123456789abcdef", "deepseek"),
        ("sk-0123456789abcdef", "PROVIDER"),
    ],
)
def test_a_key_on_the_line_leads_to_the_login_of_its_provider(typed: str, name: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        arguments.refuse_keys(typed)
    assert caught.value.fix.endswith(f"%llm login {name}")


@pytest.mark.parametrize(
    ("verb", "words", "fix"),
    [
        ("continue", ["-m", "demo"], "%llm retry -m MODEL"),
        ("history", ["-x"], "%llm history [-v] [-c NAME]"),
        ("history", ["--conversatoin", "a"], "%llm history --conversation NAME"),
        ("code", ["--blok", "2"], "%llm code --block K"),
    ],
)
def test_an_option_that_is_none_leads_to_a_line_that_can_be_typed(
    verb: str, words: list[str], fix: str
) -> None:
    with pytest.raises(NbstreamError) as caught:
        VERBS[verb](words)
    assert caught.value.fix == fix
    if verb == "history":
        assert "-v/--verbose, -c/--conversation NAME" in caught.value.why


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("--attatch data.csv -t 0", "%%llm --attach data.csv -t 0"),
        ("-f jsno", "%%llm -f json"),
        ("-t warm", "%%llm --help"),
        ("--zzz", "%%llm --help"),
    ],
)
def test_the_line_that_mends_an_option_keeps_the_rest(line: str, fix: str) -> None:
    from nbstream.magics.cell import llm

    with pytest.raises(NbstreamError) as caught:
        arguments.parse(llm.parser, line)  # type: ignore[attr-defined]
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("verb", "words", "missing"),
    [("save", [], "FILE"), ("branch", [], "NAME"), ("use", [], "MODEL"), ("login", [], "PROVIDER")],
)
def test_what_is_missing_is_named(verb: str, words: list[str], missing: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        VERBS[verb](words)
    assert caught.value.what.endswith(f"{missing}.") and "]" not in caught.value.what


def test_a_word_is_no_audit_log() -> None:
    from nbstream.magics.verbs.audit import log

    for word, fix in (("of", "%llm log off"), ("audit", "%llm log audit.jsonl")):
        with pytest.raises(NbstreamError) as caught:
            log(word)
        assert caught.value.fix == fix


def test_an_empty_prompt_keeps_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbstream.magics.verbs import keys

    monkeypatch.setattr(keys, "surface", lambda: "notebook")
    monkeypatch.setattr("getpass.getpass", lambda text: "")
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    with pytest.raises(NbstreamError) as caught:
        VERBS["login"](["deepseek"])
    assert (caught.value.case, caught.value.fix) == ("login_empty", "%llm login deepseek")


def test_a_question_behind_one_percent_sign_is_told_where_it_belongs() -> None:
    from nbstream.magics.line import found

    for name, fix in (("你好", "%%llm   # and the question in the next line"), ("histroy", "%llm history")):
        with pytest.raises(NbstreamError) as caught:
            found(name)
        assert caught.value.fix == fix


def test_a_conversation_called_nearly_like_another_is_told() -> None:
    from nbstream.chat.session import session
    from nbstream.magics.asking import near_talks

    here = session()
    try:
        talk = here.conversation("方案")
        talk.history.finish(talk.history.begin(Turn("hi", "demo")), Answer("hello"))
        [said] = near_talks("方按")
        assert "-c 方案" in said
        assert not near_talks("方案") and not near_talks("方案-2") and not near_talks("main")
    finally:
        here.conversations.pop("方案")
