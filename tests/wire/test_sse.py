"""Server-Sent Events, by the facts of the WHATWG standard, and by what real servers get wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.errors import NbstreamError
from nbstream.wire import lines as lines_module
from nbstream.wire import sse as module
from nbstream.wire.request import BARE, Frame
from nbstream.wire.sse import SSE

from .test_lines import pieces


def frames(data: bytes | str, cuts: list[int] | None = None) -> list[Frame]:
    raw = data.encode() if isinstance(data, str) else data
    decoder = SSE()
    out: list[Frame] = []
    for piece in pieces(raw, cuts or []):
        out += decoder.feed(piece)
    return out + decoder.flush()


def bytewise(data: bytes | str) -> list[Frame]:
    return frames(data, list(range(len(data.encode() if isinstance(data, str) else data))))


def data(*texts: str) -> list[Frame]:
    return [Frame(text) for text in texts]


class TestTheStandard:
    """Each case is an example of the standard's section on interpreting an event stream."""

    def test_several_data_lines_are_joined_by_newlines(self) -> None:
        assert frames("data: YHOO\ndata: +2\ndata: 10\n\n") == data("YHOO\n+2\n10")

    def test_comments_and_ids_make_no_event_and_only_one_blank_is_taken_off(self) -> None:
        stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n"
        assert frames(stream) == data("first event", "second event", " third")

    def test_an_empty_data_field_is_an_event_and_a_block_without_data_is_none(self) -> None:
        decoder = SSE()
        assert decoder.feed(b"data\n\ndata\ndata\n\nid: 7\n\ndata:") == data("", "\n")

    def test_data_with_and_without_a_blank_are_the_same(self) -> None:
        assert frames("data:test\n\ndata: test\n\n") == data("test", "test")

    def test_event_names_belong_to_their_event_only(self) -> None:
        stream = "event: add\ndata: 1\n\ndata: 2\n\nevent:del\ndata:3\n\nevent: lost\n\ndata: 4\n\n"
        assert frames(stream) == [Frame("1", "add"), Frame("2"), Frame("3", "del"), Frame("4")]

    def test_unknown_fields_are_ignored(self) -> None:
        assert frames("foo: bar\nretry: 10\ndata: x\nDATA: y\n data: z\n\n") == data("x")

    def test_a_bom_does_not_cost_the_first_event(self) -> None:
        stream = b"\xef\xbb\xbfdata: first\n\n\xef\xbb\xbfdata: no field\n\ndata: last\n\n"
        assert frames(stream) == bytewise(stream) == data("first", "last")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_all_three_line_ends(self, end: str) -> None:
        stream = "data: a\n: ping\ndata: 你\n\ndata: b\n\n".replace("\n", end)
        assert frames(stream) == bytewise(stream) == data("a\n你", "b")


class TestWhatServersDo:
    def test_an_event_is_given_with_the_byte_that_completes_it(self) -> None:
        decoder = SSE()
        assert decoder.feed(b"data: a\r\n") == []
        assert decoder.feed(b"\r") == data("a")
        assert decoder.feed(b"\ndata: b\n\n") == data("b")

    @pytest.mark.parametrize(
        ("before", "expected"),
        [
            (b"\ndata: a\n", [Frame("a\nb"), Frame("c")]),
            (b"\nevent: e\n", [Frame("b", "e"), Frame("c")]),
            (b"\ndata: a", [Frame("adata: b"), Frame("c")]),
            (b"\n{\n", [Frame("{", BARE), Frame("b"), Frame("c")]),
            (b"\ndata: a\n\r", [Frame("a"), Frame("b"), Frame("c")]),
            (b"\n: a\n", [Frame("b"), Frame("c")]),
        ],
    )
    def test_a_read_of_whole_events_continues_what_was_open(
        self, before: bytes, expected: list[Frame]
    ) -> None:
        decoder = SSE()
        assert decoder.feed(before) + decoder.feed(b"data: b\n\ndata: c\n\n") == expected

    def test_an_unterminated_last_event_is_not_lost(self) -> None:
        assert frames("data: [DONE]") == frames("data: [DONE]\n") == data("[DONE]")

    def test_line_separators_inside_json_do_not_cut_it(self) -> None:
        text = json.dumps({"content": "a\u2028b\u0085c\u2029d"}, ensure_ascii=False)
        assert frames(f"data: {text}\n\n" * 2) == bytewise(f"data: {text}\n\n" * 2) == data(text, text)

    def test_a_bare_json_error_in_mid_stream_is_a_frame_of_its_own(self) -> None:
        error = '{"error": {"message": "upstream died"}}'
        stream = f"data: a\n\n{error}\n\ndata: [DONE]\n\n"
        assert frames(stream) == bytewise(stream) == [Frame("a"), Frame(error, BARE), Frame("[DONE]")]

    def test_a_pretty_printed_error_over_many_lines_is_one_frame(self) -> None:
        error = json.dumps({"error": {"message": "upstream: died", "data": [1, {}]}}, indent=2)
        stream = f"data: a\n\n{error}\ndata: [DONE]\n\n"
        got = frames(stream)
        assert got == bytewise(stream) == [Frame("a"), Frame(error, BARE), Frame("[DONE]")]

    def test_a_bare_block_at_the_very_end_is_flushed(self) -> None:
        assert frames('data: a\n\n{\n "error": "x"\n}') == [Frame("a"), Frame('{\n "error": "x"\n}', BARE)]

    def test_a_one_line_bare_error_does_not_wait_for_a_blank_line(self) -> None:
        assert SSE().feed(b'{"error": "x"}\n') == [Frame('{"error": "x"}', BARE)]

    def test_a_bare_error_does_not_swallow_the_event_before_it(self) -> None:
        assert frames('data: a\n{"error": 1}\n') == [Frame("a"), Frame('{"error": 1}', BARE)]

    def test_an_endless_event_is_refused_before_it_fills_the_memory(self, monkeypatch) -> None:
        monkeypatch.setattr(lines_module, "LIMIT", 1000)
        monkeypatch.setattr(module, "LIMIT", 1000)
        for line in (b"data: xxx\n", b"data\n", b"event: x\n", b"{\n"):
            decoder = SSE()
            with pytest.raises(NbstreamError) as caught:
                for _ in range(1000):
                    decoder.feed(line)
            assert caught.value.kind == "protocol"
        many_small_events = b"data: xxxx\n\n" * 1000
        assert len(SSE().feed(b"\n" + many_small_events)) == len(SSE().feed(many_small_events)) == 1000


STREAMS = st.lists(
    st.sampled_from(
        [
            "data: {}",
            "data:你😀",
            "data: ",
            "data",
            "event: e",
            ": c",
            "",
            "",
            '{"a": 1}',
            "{",
            "}",
            "x",
            "\ufeff",
        ]
    ),
    max_size=12,
)


@given(STREAMS, st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 200), max_size=12))
def test_no_way_of_cutting_changes_the_events(blocks: list[str], end: str, cuts: list[int]) -> None:
    raw = "".join(block + end for block in blocks).encode()
    assert frames(raw, cuts) == frames(raw)


@given(st.lists(st.text(alphabet="a你😀 :{\u2028", max_size=8), max_size=8), st.lists(st.integers(0, 300)))
def test_what_is_written_as_data_is_read_back(texts: list[str], cuts: list[int]) -> None:
    raw = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert frames(raw, cuts) == data(*texts)


@pytest.mark.parametrize("piece", [97, 4096, 1 << 20])
def test_the_work_grows_with_the_input_and_not_faster(piece: int, monkeypatch) -> None:
    """Counts bytes that are copied or scanned, not seconds: the same on a busy machine."""
    scanned = 0
    real = lines_module.Lines.feed

    def feed(self, chunk: bytes) -> list[str]:
        nonlocal scanned
        scanned += len(chunk)
        got = real(self, chunk)
        scanned += sum(map(len, got))
        return got

    monkeypatch.setattr(lines_module.Lines, "feed", feed)
    raw = b"".join(b'data: {"n": %d, "text": "%s"}\n\n' % (i, b"x" * (i % 50)) for i in range(20_000))
    decoder = SSE()
    got = [frame for i in range(0, len(raw), piece) for frame in decoder.feed(raw[i : i + piece])]
    assert len(got) == 20_000
    assert scanned <= 2 * len(raw)


def test_one_long_line_in_small_pieces_is_not_copied_again_and_again() -> None:
    decoder = SSE()
    decoder.feed(b"data: ")
    for _ in range(40_000):
        decoder.feed(b"x" * 100)  # quadratic copying would take minutes here
    assert [len(frame.data) for frame in decoder.feed(b"\n\n")] == [4_000_000]


@given(STREAMS)
def test_reads_that_end_with_a_line_change_nothing_either(blocks: list[str]) -> None:
    decoder = SSE()
    got = [frame for block in blocks for frame in decoder.feed(f"{block}\n".encode())]
    assert got + decoder.flush() == frames("".join(f"{block}\n" for block in blocks))


@given(STREAMS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_one_large_read_gives_what_single_bytes_give(blocks: list[str], end: str) -> None:
    raw = "data: x\n\n" + "".join(block + end for block in blocks) + "data: y\n\n"
    decoder = SSE()
    assert decoder.feed(b"\n") + decoder.feed(raw.encode()) + decoder.flush() == bytewise("\n" + raw)
