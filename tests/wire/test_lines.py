"""Lines, NDJSON and surrogates: whatever way the network cuts, a person gets the same text."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.errors import NbstreamError
from nbstream.wire import lines as module
from nbstream.wire.lines import NDJSON, Lines, Surrogates
from nbstream.wire.request import Frame


def all_lines(data: bytes, cuts: list[int] | None = None) -> list[str]:
    decoder = Lines()
    out: list[str] = []
    for piece in pieces(data, cuts or []):
        out += decoder.feed(piece)
    return out + decoder.flush()


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def bytewise(data: bytes) -> list[str]:
    return all_lines(data, list(range(len(data))))


class TestLines:
    def test_lf_crlf_and_cr_each_end_a_line(self) -> None:
        assert all_lines(b"a\nb\r\nc\rd\n") == ["a", "b", "c", "d"]

    def test_a_cr_at_the_end_of_a_chunk_ends_its_line_at_once_and_makes_no_false_empty_line(self) -> None:
        lines = Lines()
        assert lines.feed(b"a\r") == ["a"]
        assert lines.feed(b"\n") == []
        assert lines.feed(b"b\r") == ["b"]
        assert lines.feed(b"\n\r") == [""]
        assert lines.feed(b"\rc\n") == ["", "c"]

    @pytest.mark.parametrize("char", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1d", "\x1e"])
    def test_what_only_python_calls_a_line_end_stays_in_the_line(self, char: str) -> None:
        data = f"a{char}b\nc".encode()
        assert all_lines(data) == bytewise(data) == [f"a{char}b", "c"]

    def test_characters_cut_anywhere_come_whole(self) -> None:
        data = "你好，世界 😀é\n".encode()
        assert bytewise(data) == ["你好，世界 😀é"]

    def test_broken_utf8_becomes_a_replacement_character_and_nothing_after_it_is_lost(self) -> None:
        data = b"a\xffb\xe4\xbd\nnext \xe4\xbd\xa0\n"
        assert all_lines(data) == bytewise(data) == ["a\ufffdb\ufffd", "next 你"]

    def test_a_bom_is_dropped_at_the_start_and_only_there(self) -> None:
        data = "\ufeffa\n\ufeffb\n".encode()
        assert all_lines(data) == bytewise(data) == ["a", "\ufeffb"]

    def test_an_unterminated_last_line_is_given_by_flush(self) -> None:
        lines = Lines()
        assert lines.feed(b"whole\nhalf") == ["whole"]
        assert lines.flush() == ["half"]
        assert lines.flush() == []

    def test_a_line_without_end_is_refused_before_it_fills_the_memory(self, monkeypatch) -> None:
        monkeypatch.setattr(module, "LIMIT", 1000)
        lines = Lines()
        assert lines.feed(b"x" * 900) == []
        with pytest.raises(NbstreamError) as caught:
            lines.feed(b"x" * 101)
        assert caught.value.kind == "protocol"

    def test_many_short_lines_in_one_large_chunk_are_no_large_line(self, monkeypatch) -> None:
        monkeypatch.setattr(module, "LIMIT", 1000)
        assert len(Lines().feed(b"x" * 99 + b"\n" + b"yyyy\n" * 1000)) == 1001

    @given(st.text(alphabet="a你😀\r\n\u2028\x85", max_size=40), st.lists(st.integers(0, 200), max_size=12))
    def test_no_way_of_cutting_changes_the_lines(self, text: str, cuts: list[int]) -> None:
        # io.StringIO with newline=None knows the same three line ends and nothing else.
        expected = [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]
        assert all_lines(text.encode(), cuts) == expected

    @given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=12))
    def test_bytes_decode_as_one_incremental_decoder_would(self, data: bytes, cuts: list[int]) -> None:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        expected = [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]
        assert all_lines(data, cuts) == expected


class TestNDJSON:
    def test_each_line_is_a_frame_and_blank_lines_are_keep_alives(self) -> None:
        decoder = NDJSON()
        assert decoder.feed(b'\n{"a":1}\r\n\r\n \n{"b"') == [Frame('{"a":1}')]
        assert decoder.feed(b":2}\n") == [Frame('{"b":2}')]
        assert decoder.flush() == []

    def test_the_last_line_needs_no_newline(self) -> None:
        decoder = NDJSON()
        assert decoder.feed(b'{"done":true}') == []
        assert decoder.flush() == [Frame('{"done":true}')]

    def test_a_bom_is_dropped(self) -> None:
        assert NDJSON().feed(b"\xef\xbb\xbf{}\n") == [Frame("{}")]

    def test_a_line_without_end_is_refused(self, monkeypatch) -> None:
        monkeypatch.setattr(module, "LIMIT", 1000)
        decoder = NDJSON()
        decoder.feed(b"\r" * 1000)
        with pytest.raises(NbstreamError) as caught:
            decoder.feed(b"\r")
        assert caught.value.kind == "protocol"

    @given(
        st.lists(st.text(max_size=10), max_size=6),
        st.lists(st.integers(0, 300), max_size=12),
        st.sampled_from(["\n", "\r\n"]),
    )
    def test_no_way_of_cutting_changes_the_values(self, texts: list[str], cuts: list[int], end: str) -> None:
        data = "".join(json.dumps(text, ensure_ascii=False) + end for text in texts)
        decoder = NDJSON()
        frames: list[Frame] = []
        for piece in pieces(data.encode(), cuts):
            frames += decoder.feed(piece)
        assert [json.loads(frame.data) for frame in frames + decoder.flush()] == texts


def utf16_units(text: str) -> list[str]:
    raw = text.encode("utf-16-be")
    return [chr(int.from_bytes(raw[i : i + 2], "big")) for i in range(0, len(raw), 2)]


class TestSurrogates:
    def test_an_emoji_cut_between_two_deltas_is_joined(self) -> None:
        joiner = Surrogates()
        assert [joiner.feed("a\ud83d"), joiner.feed("\ude00b"), joiner.flush()] == ["a", "😀b", ""]

    def test_ordinary_text_passes_through_as_the_same_object(self) -> None:
        text = "你好 😀"
        assert Surrogates().feed(text) is text

    def test_an_empty_delta_does_not_break_the_pair(self) -> None:
        joiner = Surrogates()
        assert joiner.feed("\ud83d") + joiner.feed("") + joiner.feed("\ude00") == "😀"

    @pytest.mark.parametrize(
        ("deltas", "text"),
        [
            (["\ud83d", "x"], "\ufffdx"),
            (["\ude00x"], "\ufffdx"),
            (["\ud83d", "\ud83d", "\ude00"], "\ufffd😀"),
            (["\ud83d"], "\ufffd"),
            (["\ud83d\ude00 \ude00"], "😀 \ufffd"),
        ],
    )
    def test_what_stays_alone_becomes_a_replacement_character(self, deltas: list[str], text: str) -> None:
        joiner = Surrogates()
        assert "".join(joiner.feed(delta) for delta in deltas) + joiner.flush() == text

    @given(st.text(max_size=20), st.integers(1, 4))
    def test_text_cut_by_utf16_unit_comes_back_whole(self, text: str, size: int) -> None:
        units = utf16_units(text)
        joiner = Surrogates()
        got = "".join(joiner.feed("".join(units[i : i + size])) for i in range(0, len(units), size))
        assert got + joiner.flush() == text

    @given(st.lists(st.text(alphabet=st.characters(), max_size=4) | st.sampled_from(["\ud83d", "\ude00"])))
    def test_whatever_comes_can_be_encoded(self, deltas: list[str]) -> None:
        joiner = Surrogates()
        ("".join(map(joiner.feed, deltas)) + joiner.flush()).encode()
