"""What no page, terminal or file ever gets to see."""

from __future__ import annotations

import pytest

from nbstream.show.clean import clean, clean_inline


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c"])
def test_every_kind_of_line_end_is_a_newline(end: str) -> None:
    assert clean(f"one{end}two") == "one\ntwo"


def test_no_escape_sequence_reaches_a_terminal() -> None:
    assert clean("\x1b[31mred\x1b[0m \x9b2J \x1b]0;title\x07 \x7f\x00\x08") == "[31mred[0m 2J ]0;title "


def test_overrides_go_and_marks_of_a_script_stay() -> None:
    assert clean("a\u202eb\u2066c\u2069d\u202a\u206f") == "abcd"
    assert clean("שלום\u200f!") == "שלום\u200f!"


def test_half_a_character_becomes_a_sign_and_two_halves_become_the_character() -> None:
    assert clean("a\ud83db\ude00") == "a\ufffdb\ufffd"
    assert clean("\ud83d\ude00") == "😀"
    assert clean("\ude00\ud83d\ud83d\ude00").encode() == "\ufffd\ufffd😀".encode()


@pytest.mark.parametrize(
    "text", ["", "tab\there\nand there", "你好，世界", "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️", "a\u00a0b\u200dc⟡"]
)
def test_what_a_person_wrote_stays(text: str) -> None:
    assert clean(text) == text


def test_cleaning_twice_changes_nothing_more() -> None:
    text = "".join(map(chr, range(0x3000)))
    assert clean(clean(text)) == clean(text)


def test_text_for_one_line_has_one_line() -> None:
    assert clean_inline("a\r\nb\tc\u2028d\x1b") == "a b c d"
