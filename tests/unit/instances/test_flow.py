"""Windows: nothing is lost, nothing overtakes, nobody sends without credit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater.runtime.wire import WINDOW_BYTES, Decoder, WireError, read_body
from tapwater_server.instances.flow import PIECE_BYTES_MAX, ReceiveWindow, SendWindow

pieces = st.lists(st.binary(max_size=3 * PIECE_BYTES_MAX), max_size=8)


@given(pieces, st.lists(st.integers(1, WINDOW_BYTES), max_size=30))
def test_the_body_arrives_whole_and_within_credit(parts: list[bytes], grants: list[int]) -> None:
    window, decoder = SendWindow(), Decoder()
    left = b"".join([window.push(part, last=False) for part in parts])
    assert left == b""  # no seat yet
    frames = decoder.feed(window.begin(7) + window.push(b"", last=True))
    credit = WINDOW_BYTES
    for grant in grants:
        credit += grant
        frames += decoder.feed(window.grant(grant))
        assert sum(len(read_body(frame.payload)[0]) for frame in frames) <= credit
    while not window.open:
        frames += decoder.feed(window.grant(WINDOW_BYTES))
    bodies = [read_body(frame.payload) for frame in frames]
    assert b"".join(data for data, _ in bodies) == b"".join(parts)
    assert [last for _, last in bodies] == [False] * (len(bodies) - 1) + [True]
    assert {frame.call for frame in frames} == {7}
    assert window.sent_bytes == sum(map(len, parts))


@given(st.lists(st.integers(0, WINDOW_BYTES), max_size=40))
def test_credit_given_is_never_more_than_was_taken(sizes: list[int]) -> None:
    window, taken, granted = ReceiveWindow(), 0, 0
    for size in sizes:
        if taken + size > WINDOW_BYTES + granted:
            with pytest.raises(WireError, match="credit"):
                window.take(size)
            return
        window.take(size)
        taken += size
        granted += window.credit()
        assert granted <= taken


def test_nothing_is_granted_while_paused() -> None:
    window = ReceiveWindow()
    window.paused = True
    window.take(WINDOW_BYTES)
    assert window.credit() == 0
    window.paused = False
    assert window.credit() == WINDOW_BYTES
