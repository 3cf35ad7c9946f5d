"""A key that a server repeats is masked however it is spelled, and wherever it is cut."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from nbstream.credentials import Secret, hidden
from tests.canary.canaries import canary, hits, spellings

KEY = canary("spark", "api_key")


@pytest.mark.parametrize("how", spellings(KEY))
def test_every_spelling_is_masked_even_where_a_message_was_cut(how: str) -> None:
    spelled = spellings(KEY)[how].decode()
    for length in range(12, len(spelled) + 1):
        assert not hits(Secret(KEY).hide_in(f"who is {spelled[:length]}…")), length
    assert Secret(KEY).hide_in(f"who is {spelled} there?").endswith(" there?")


@pytest.mark.parametrize("before", range(4))
def test_inside_something_longer_in_base64_only_the_key_goes(before: int) -> None:
    coded = b64encode(("x" * before + "Bearer " + KEY + " and so on").encode()).decode()
    masked = Secret(KEY).hide_in(f"got {coded}")
    assert not hits(masked) and "…0f7E" in masked
    assert masked[:11] == f"got {coded}"[:11] and masked[-8:] == coded[-8:]


def test_encoded_twice_is_masked_too() -> None:
    assert not hits(Secret(KEY).hide_in(quote(quote(KEY, safe=""), safe="")))


def test_of_keys_that_begin_alike_each_is_masked_whole() -> None:
    one, two = Secret("sk-ant-api03-first-0123456789"), Secret("sk-ant-api03-other-9876543210")
    assert hidden(f"{two.reveal()} or {one.reveal()}", [one, two]) == "…3210 or …6789"


def test_what_is_no_key_stays_as_it_is() -> None:
    text = "Incorrect API key provided. See https://example.org/?a=b%20c, QmVhcmVyIHNrLTEyMzQ=, sk-…"
    assert Secret(KEY).hide_in(text) == text
