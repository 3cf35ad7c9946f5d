"""What a person is told to do fits what they did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from nbstream.wire.request import Frame, WireResponse

SPARK = {"app_id": "5f1e2d3c", "api_key": "key-0123456789abcdef", "api_secret": "secret-0123456789abcd"}
V1 = "https://aip.baidubce.com/rpc/2.0/ai_custom/v1/wenxinworkshop"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


def refused(model: str, **what: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        Session().call("hi", model=model, **what)
    return caught.value


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("v3.5", "generalv3.5"),
        ("Spark Max", "generalv3.5"),
        ("星火 Pro", "generalv3"),
        ("V4.0", "4.0Ultra"),
        ("星火", "4.0Ultra"),
        ("generalv35", "generalv3.5"),
    ],
)
def test_a_spark_version_as_people_write_it_leads_to_its_name(said: str, meant: str) -> None:
    error = refused(f"spark:{said}", credentials=SPARK)
    assert error.fix == f"%llm use spark:{meant}"
    assert "generalv3.5 (Max)" in error.why and "generalv3 (Pro)" in error.why


def test_a_version_that_is_none_is_refused_when_it_is_chosen_unless_an_address_goes_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session()
    assert session.use("spark:max") == "spark:max"
    with pytest.raises(NbstreamError) as caught:
        session.use("spark:Spark Pro")
    assert caught.value.fix == "%llm use spark:generalv3" and session.default_model() == "spark:max"
    monkeypatch.setenv("SPARK_BASE_URL", "wss://spark-api.xf-yun.com/v1.1/chat")
    assert session.use("spark:my-own-service") == "spark:my-own-service"


@pytest.mark.parametrize(("given", "near"), [(0, "0.1"), (1.5, "1")])
def test_a_temperature_out_of_range_leads_to_one_within(given: float, near: str) -> None:
    error = refused("spark:max", temperature=given, credentials=SPARK)
    assert "generalv3.5 (Max)" in error.what and "at most 1" in error.why
    assert error.fix.startswith(f"%%llm -t {near} ") and error.fix.endswith(f"temperature={near}")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_number_in_quotes_is_said_to_be_text(lang: str) -> None:
    set_language(lang)
    error = refused("demo", temperature="0.5")
    assert "'0.5'" in error.what and ("text" if lang == "en" else "文本") in error.why
    assert error.fix == "temperature=0.5"
    assert refused("demo", temperature=-1).why == (
        "It must be a finite number that is not negative." if lang == "en" else "应为非负的有限数。"
    )


def answer(
    model: str, keys: dict[str, str], response: WireResponse, base_url: str | None = None
) -> NbstreamError:
    """What is told of `response` to a question there."""
    provider, name = registry.split(model)
    chat = ChatRequest(Message.many("hi"), name, base_url=base_url)
    request = provider.request(chat, {field: Secret(value) for field, value in keys.items()})
    error = provider.refused(response)
    provider.again(request, error)
    return error


@pytest.mark.parametrize("status", [401, 403, 404])
def test_ernie_at_an_address_of_v1_is_told_so(status: int) -> None:
    error = answer("ernie", {"api_key": "bce-v3/key"}, WireResponse(status, {}, b""), V1)
    assert "V1" in error.why and "%llm use ernie-v1" in error.fix
    elsewhere = answer(
        "ernie", {"api_key": "bce-v3/key"}, WireResponse(status, {}, b""), "https://gw.example"
    )
    assert "V1" not in elsewhere.why


def test_an_address_of_v1_that_holds_a_model_is_told_so() -> None:
    keys = {"token": "24.0123456789abcdef"}
    gateway = "https://gw.example/wenxinworkshop/chat/completions"
    body = b'{"error_code":336005,"error_msg":"no model"}'
    error = answer("ernie-v1", keys, WireResponse(200, {}, body), gateway)
    assert "beyond /wenxinworkshop" in error.fix


@pytest.mark.parametrize("code", [10016, 11200])
def test_no_licence_may_also_be_a_wrong_appid(code: int) -> None:
    body = b'{"header":{"code":%d,"message":"AppIdNoAuthError","sid":"s","status":2}}' % code
    with pytest.raises(NbstreamError) as caught:
        list(registry.get("spark").events(iter([Frame(body.decode())])))
    assert "APPID" in caught.value.why and "APPID" in caught.value.fix


def test_a_web_page_where_spark_should_be_leads_to_an_address_of_spark() -> None:
    page = WireResponse(200, {"content-type": "text/html"}, b"<html><title>Portal</title>")
    assert registry.get("spark").refused(page).fix.startswith('base_url="wss://')
    assert registry.get("spark-http").refused(page).fix.endswith('base_url="https://host.example/v1"')


def test_address_and_model_that_do_not_fit_lead_away_from_the_address() -> None:
    body = b'{"error":{"message":"model not found","code":"10404"}}'
    error = registry.get("spark").refused(WireResponse(400, {}, body))
    assert "base URL" in error.fix and "%llm use" not in error.fix
