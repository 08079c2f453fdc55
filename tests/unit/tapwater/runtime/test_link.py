"""What a guest that does one thing at a time makes of calls that were sent ahead."""

import socket
from collections.abc import Iterator

import pytest

from tapwater.runtime import wire
from tapwater.runtime.link import BlockingLink

INVOKE = wire.Invoke(
    verb=wire.Verb.HTTP,
    more=False,
    timeout_s=30.0,
    depth=0,
    id=b"",
    method=b"GET",
    path=b"/",
    root_path=b"",
    query=b"",
    scheme=b"http",
    client=b"",
    params=b"",
    user=b"",
    trace=b"",
    headers=[],
    body=b"",
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, BlockingLink]]:
    host, guest = socket.socketpair()
    with host, guest:
        yield host, BlockingLink(guest)


def frame(number: int, flags: int = 0) -> bytes:
    return wire.pack_invoke(number, INVOKE, flags=flags)


def test_a_call_taken_back_makes_no_crowd(ends: tuple[socket.socket, BlockingLink]) -> None:
    host, link = ends
    host.sendall(frame(1, wire.AHEAD) + frame(2))
    first, second = link.next_call(), link.next_call()
    assert first is not None
    assert second is not None
    assert (link.has(first), link.has(second)) == (False, True)
    assert not link.crowded


def test_a_crowd_is_handed_over_without_what_was_taken_back(
    ends: tuple[socket.socket, BlockingLink],
) -> None:
    host, link = ends
    host.sendall(frame(1) + frame(2, wire.AHEAD) + frame(3))
    call = link.next_call()
    assert call is not None
    assert link.crowded
    _, _, waiting = link.hand_over()
    assert [call.number, *(one.number for one in waiting)] == [1, 3]
