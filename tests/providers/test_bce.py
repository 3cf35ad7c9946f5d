"""Baidu's request signature: against published vectors, and a gateway that shares no code with ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.credentials import Secret
from nbstream.providers import bce
from tests.fakes.bce_verify import EARLY, refusal, to_be_signed

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/bce_auth_v1.json").read_text("utf-8"))["vectors"]
KEYS = {"access_key": "ALTAKfake0123456789abcd", "secret_key": "5f4dcc3b5aa765d61d8327deb882cf99"}
NOW = 1_795_219_800.0


def signed(url: str, method: str = "POST", now: float = NOW, **headers: str) -> dict[str, str]:
    """The headers of a request to `url`, as a server sees them."""
    sent = {"Host": bce.host_of(url), "x-bce-date": bce.stamp(now)} | headers
    secrets = Secret(KEYS["access_key"]), Secret(KEYS["secret_key"])
    sent["Authorization"] = bce.authorization(*secrets, method, url, sent, now).reveal()
    return {name.lower(): value for name, value in sent.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_step_is_the_published_one(vector: dict[str, Any]) -> None:
    prefix = bce.auth_prefix(vector["access_key"], vector["unix"], vector["expiration_s"])
    assert prefix == vector["auth_prefix"]
    assert bce.signing_key(vector["secret_key"], prefix) == vector["signing_key"]
    signed = vector["signed_headers"].split(";")
    headers = {name: value for name, value in vector["headers"].items() if name.lower() in signed}
    text = bce.canonical_request(vector["method"], vector["path"], vector["query"].items(), headers)
    assert text == vector["canonical_request"]
    query = "?" + urlencode(vector["query"]) if vector["query"] else ""
    made = bce.authorization(
        Secret(vector["access_key"]),
        Secret(vector["secret_key"]),
        vector["method"],
        f"https://{vector['headers']['Host']}{vector['path']}{query}",
        headers,
        vector["unix"],
        vector["expiration_s"],
    )
    assert made.reveal() == vector["authorization"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_gateway_accepts_the_published_ones_in_any_order_of_names(vector: dict[str, Any]) -> None:
    keys = {name: vector[name] for name in ("access_key", "secret_key")}
    *start, names, signature = vector["authorization"].split("/")
    shuffled = ";".join(reversed(names.split(";")))
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    headers["authorization"] = "/".join([*start, shuffled, signature])
    query = "?" + urlencode(vector["query"]).replace("+", "%20") if vector["query"] else ""
    assert refusal(vector["method"], vector["path"] + query, headers, keys, vector["unix"] + 1) is None


WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8)
NAMES = WORDS.filter(bool)


@settings(max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(st.tuples(NAMES, WORDS), max_size=3))
def test_any_path_and_query_is_signed_as_the_gateway_reads_it(
    path: list[str], query: list[tuple[str, str]]
) -> None:
    path = [part for part in path if part not in (".", "..")] or ["x"]
    pairs = [(name, value) for name, value in query if name.lower() != "authorization"]
    target = "/" + "/".join(quote(part.replace("/", ""), safe="") for part in path)
    target += "?" + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs) if pairs else ""
    headers = signed(f"http://127.0.0.1:8866{target}")
    assert refusal("POST", target, headers, KEYS, NOW) is None


def test_the_gateway_notices_whatever_was_changed() -> None:
    url, target = "http://127.0.0.1:8866/a/b?x=1", "/a/b?x=1"
    good = signed(url)
    assert refusal("POST", target, good, KEYS, NOW) is None
    assert refusal("GET", target, good, KEYS, NOW) == "SignatureDoesNotMatch"
    assert refusal("POST", "/a/c?x=1", good, KEYS, NOW) == "SignatureDoesNotMatch"
    assert refusal("POST", "/a/b?x=2", good, KEYS, NOW) == "SignatureDoesNotMatch"
    assert refusal("POST", target, good | {"host": "127.0.0.1"}, KEYS, NOW) == "SignatureDoesNotMatch"
    assert refusal("POST", target, good, KEYS | {"secret_key": "x"}, NOW) == "SignatureDoesNotMatch"
    assert refusal("POST", target, good, KEYS | {"access_key": "x"}, NOW) == "InvalidAccessKeyId"
    assert refusal("POST", target, good, KEYS, NOW + bce.VALID + 1) == "RequestExpired"
    assert refusal("POST", target, good, KEYS, NOW - EARLY - 1) == "RequestExpired"
    for broken in ("", "Bearer x", good["authorization"].replace("host;", "")):
        assert refusal("POST", target, good | {"authorization": broken}, KEYS, NOW) == "InvalidHTTPAuthHeader"


def test_blank_headers_are_neither_signed_nor_named() -> None:
    headers = signed("https://h.example/x", **{"x-bce-empty": "  "})
    assert "x-bce-empty" not in headers["authorization"]
    del headers["x-bce-empty"]
    assert refusal("POST", "/x", headers, KEYS, NOW) is None


def test_the_gateways_reading_of_a_request_is_not_ours() -> None:
    # The one place where both must say the same, by two ways: a slash and a colon in a header's value.
    headers = {"host": "h:1", "content-type": "application/json"}
    assert to_be_signed("POST", "/a%20b", headers).splitlines()[1:] == [
        "/a%20b",
        "",
        "content-type:application%2Fjson",
        "host:h%3A1",
    ]


def test_the_signature_does_not_show_itself() -> None:
    secret = bce.authorization(
        Secret(KEYS["access_key"]), Secret(KEYS["secret_key"]), "POST", "https://h/x", {"Host": "h"}, NOW
    )
    signature = secret.reveal().rpartition("/")[2]
    assert signature not in f"{secret} {secret!r}"
    assert secret.hide_in(f"no {signature} here") == f"no {secret} here"
