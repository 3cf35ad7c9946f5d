"""Batches go at once when there is time, and never faster than Jupyter bears."""

import pytest

from nbstream.show.pacer import BYTES_PER_SECOND, FRAME, SLACK, SLOWEST, Pacer


def test_the_first_batch_goes_at_once():
    assert Pacer().due(123.0) == 0


def test_a_batch_after_a_quiet_frame_goes_at_once():
    pacer = Pacer()
    pacer.sent(1, 10, 0.0, pieces=6)
    assert pacer.due(FRAME * 1.01) == 0


def test_each_piece_of_a_leisurely_model_goes_as_it_comes():
    pacer = Pacer()
    for token in range(50):
        now = token / 49
        assert pacer.due(now) == 0
        pacer.sent(token, 300, now, pieces=1)


def test_never_more_than_fifty_messages_or_300_kB_in_a_second():
    pacer, now, seq, total = Pacer(), 0.0, 0, 0
    while now < 10:
        now += pacer.due(now)
        seq += 1
        size = 40_000 if seq % 7 == 0 else 300
        total += size
        pacer.sent(seq, size, now, pieces=1)
    assert seq / 10 <= 50
    assert total / 10 <= BYTES_PER_SECOND * 1.05


def test_a_front_end_that_falls_behind_is_sent_fewer_batches():
    pacer = Pacer()
    pacer.acked(1)
    pacer.sent(SLACK * 4, 10, 0.0, pieces=6)
    slow = pacer.due(0.0)
    assert FRAME < slow <= SLOWEST
    pacer.acked(SLACK * 4)
    pacer.sent(SLACK * 4 + 1, 10, 1.0, pieces=6)
    assert pacer.due(1.0) == FRAME or abs(pacer.due(1.0) - FRAME) < 1e-9


def test_where_nobody_looks_nobody_is_waited_for():
    pacer = Pacer()
    pacer.sent(10_000, 10, 0.0, pieces=6)
    assert pacer.due(0.0) <= FRAME


def test_what_takes_long_to_make_leaves_others_twice_the_time_and_not_for_ever():
    pacer = Pacer()
    pacer.sent(1, 10, 0.0, pieces=6, spent=0.2)
    assert pacer.due(0.0) == pytest.approx(0.4)
    pacer.sent(2, 10, 0.0, pieces=6, spent=60.0)
    assert pacer.due(0.0) == SLOWEST
