"""Messages between platform and zygotes: whatever way they are cut, whatever is sent."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tapwater.runtime.channel import MESSAGE_BYTES_MAX, ChannelError, Messages, pack

MESSAGES = some.lists(some.dictionaries(some.text(max_size=8), some.integers()), max_size=5)


@given(messages=MESSAGES, cuts=some.lists(some.integers(1, 20)))
def test_messages_arrive_however_they_are_cut(
    messages: list[dict[str, int]], cuts: list[int]
) -> None:
    data = b"".join(map(pack, messages))
    reader, found = Messages(), []
    for cut in (*cuts, len(data)):
        found += reader.feed(data[:cut])
        data = data[cut:]
    assert found == messages


@given(data=some.binary(max_size=200))
def test_anything_else_is_refused_or_waited_for(data: bytes) -> None:
    try:
        for message in Messages().feed(data):
            assert isinstance(message, dict)
    except ChannelError:
        return


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ChannelError):
        Messages().feed(struct.pack("<I", len(body)) + body)


def test_a_message_that_is_too_long_is_refused_by_its_length() -> None:
    with pytest.raises(ChannelError, match="the most is"):
        Messages().feed(struct.pack("<I", MESSAGE_BYTES_MAX + 1))


def test_a_message_is_compact() -> None:
    assert json.loads(pack({"fork": 1})[4:]) == {"fork": 1}
