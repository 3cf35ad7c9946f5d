"""No key, token or signature of Baidu's can be seen: not in a log, an error, a traceback or a repr."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import nbstream
from nbstream.credentials import Secret
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from tests.fakes import ernie_server
from tests.fakes.ernie_server import ErnieServer
from tests.fakes.ernie_v1_server import CREDENTIALS, IAM, ErnieV1Server

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def v1() -> Iterator[ErnieV1Server]:
    with ErnieV1Server() as running:
        yield running


def seen(call: Callable[[], nbstream.Stream], caplog: Any) -> str:
    """All that a person, a log or a debugger may see of one call."""
    shown: list[Any] = []
    with caplog.at_level(logging.DEBUG):
        stream = call()
        shown += [stream, vars(stream)]
        try:
            shown.append(stream.wait())
        except nbstream.NbstreamError as error:
            # With the variables of every frame, as %xmode Verbose would show them.
            trace = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown += [error, str(error), vars(error), *trace.format(), *error._render_traceback_()]
    shown += [stream.answer, *(record.getMessage() for record in caplog.records)]
    assert len(shown) > 4
    return "\n".join(repr(one) + str(one) for one in shown)


def v1_stream(server: ErnieV1Server, model: str, **given: Any) -> Callable[[], nbstream.Stream]:
    options: dict[str, Any] = {"base_url": server.origin, "credentials": dict(CREDENTIALS), "retries": 0}
    return lambda: nbstream.stream("hi", model=f"ernie-v1:{model}", **options | given)


@pytest.mark.parametrize(
    "how",
    [
        ("words:2", {}),
        ("refuse:110", {}),
        ("broken:336000", {}),
        ("reset:1", {}),
        ("html", {}),
        ("silent", {"timeout": {"connect": 1, "first": 0.1, "idle": 0.1}}),
        ("words:2", {"credentials": CREDENTIALS | {"secret_key": "wrong-secret-0123456789"}}),
        ("words:2", {"options": {"token_url": NOWHERE}}),
        ("words:2", {"credentials": IAM}),
        ("refuse:14", {"credentials": IAM}),
        ("words:2", {"credentials": IAM | {"secret_key": "wrong-secret-0123456789"}}),
        ("words:2", {"credentials": IAM, "base_url": NOWHERE}),
    ],
    ids=lambda how: how[0] + str(list(how[1])),
)
def test_v1_shows_none(how: tuple[str, dict[str, Any]], v1: ErnieV1Server, caplog: Any) -> None:
    v1.log.clear()
    text = seen(v1_stream(v1, how[0], **how[1]), caplog)
    given = how[1].get("credentials", CREDENTIALS)
    signatures = [record.headers.get("authorization", "").rpartition("/")[2] for record in v1.log]
    hidden = [*given.values(), *v1._good, *filter(None, signatures)]
    for secret in hidden:
        assert secret not in text


def test_v1_shows_no_token_where_the_chat_cannot_be_reached(v1: ErnieV1Server, caplog: Any) -> None:
    elsewhere = {"base_url": NOWHERE, "options": {"token_url": v1.origin + "/oauth/2.0/token"}}
    text = seen(v1_stream(v1, "words:2", **elsewhere), caplog)
    assert v1._good and not any(token in text for token in v1._good)


@pytest.mark.parametrize("model", ["words:2", "refuse:invalid_iam_token", "broken:internal_error", "reset:1"])
def test_v2_shows_none(model: str, caplog: Any) -> None:
    key = ernie_server.CREDENTIALS["api_key"]
    with ErnieServer() as v2:
        text = seen(
            lambda: nbstream.stream(
                "hi", model=f"ernie:{model}", base_url=v2.url, credentials={"api_key": key}, retries=0
            ),
            caplog,
        )
    assert key not in text


def test_requests_do_not_show_what_they_carry() -> None:
    provider = registry.get("ernie-v1")
    chat = ChatRequest(Message.many("hi"), "m", base_url="http://127.0.0.1:9/x?y=1")
    keys = {name: Secret(value) for name, value in (CREDENTIALS | {"token": "24.0123456789/+abc"}).items()}
    signing = {name: Secret(value) for name, value in IAM.items()}
    requests = [
        provider.request(chat, keys),
        provider.token_request(chat, keys),
        provider.request(chat, signing),
    ]
    for request in requests:
        assert request is not None
        text = f"{request} {request!r} {request.url} {request.url!r} {dict(request.headers)}"
        for secret in (*keys.values(), *signing.values()):
            assert secret.reveal() not in text


def test_what_the_token_service_sends_beside_a_token_stays_unseen(v1: ErnieV1Server, caplog: Any) -> None:
    from nbstream.wire.request import WireResponse

    body = b'{"refresh_token":"25.refresh-secret","session_secret":"session-secret","expires_in":1}'
    with pytest.raises(nbstream.NbstreamError) as caught:
        registry.get("ernie-v1").token(WireResponse(200, {}, body))
    assert "session_secret" in caught.value.why  # the name helps; the value does not
    assert "session-secret" not in str(caught.value) and "25.refresh" not in str(caught.value)
    with pytest.raises(nbstream.NbstreamError) as caught:
        registry.get("ernie-v1").token(WireResponse(200, {}, b"access_token=24.form-encoded&expires_in=1"))
    assert "24.form" not in str(caught.value)


def test_a_signature_that_the_service_repeats_is_masked() -> None:
    from nbstream.chat.masking import masked_response, secrets
    from nbstream.wire.request import WireResponse

    provider = registry.get("ernie-v1")
    keys = {name: Secret(value) for name, value in IAM.items()}
    request = provider.request(ChatRequest(Message.many("hi"), "m"), keys)
    sent = request.headers["Authorization"]
    assert isinstance(sent, Secret)
    said = {"x-bce-error-code": "SignatureDoesNotMatch", "x-bce-error-message": f"got {sent.reveal()}"}
    response = WireResponse(403, said, b"")
    assert sent.reveal()[-20:] in str(provider.refused(response))
    error = provider.refused(masked_response(response, secrets(keys, request)))
    assert sent.reveal()[-20:] not in str(error) and IAM["access_key"] not in str(error)
