"""Frames: what goes in comes out, however it is cut; what is no frame is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater.runtime import wire
from tapwater.runtime.invoke_view import InvokeView

_TEXT = st.binary(max_size=40)
_HEADERS = st.lists(st.tuples(_TEXT, _TEXT), max_size=8)
_INVOKES = st.builds(
    wire.Invoke,
    verb=st.sampled_from(list(wire.Verb)),
    more=st.booleans(),
    timeout_s=st.floats(min_value=0, max_value=1e6),
    depth=st.integers(0, 65535),
    id=_TEXT,
    method=_TEXT,
    path=_TEXT,
    root_path=_TEXT,
    query=_TEXT,
    scheme=_TEXT,
    client=_TEXT,
    params=_TEXT,
    user=_TEXT,
    trace=_TEXT,
    headers=_HEADERS,
    body=st.binary(max_size=200),
)
_FRAMES = st.lists(
    st.builds(
        wire.Frame,
        kind=st.integers(0, 255),
        call=st.integers(0, 2**32 - 1),
        payload=st.binary(max_size=50),
    ),
    max_size=8,
)


@given(_FRAMES, st.data())
def test_frames_come_out_however_they_are_cut(
    frames: list[wire.Frame], data: st.DataObject
) -> None:
    stream = b"".join(wire.pack(*frame) for frame in frames)
    decoder, came = wire.Decoder(), list[wire.Frame]()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        came += decoder.feed(stream[:size])
        stream = stream[size:]
    assert came == frames


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    with contextlib.suppress(wire.WireError):
        wire.Decoder().feed(data)


@pytest.mark.parametrize("size", [0, 4, wire.FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(wire.WireError):
        wire.Decoder().feed(size.to_bytes(4, "little") + b"\x07\0\0\0\0")


@given(_INVOKES)
def test_invoke_comes_back(invoke: wire.Invoke) -> None:
    (frame,) = wire.Decoder().feed(wire.pack_invoke(7, invoke))
    assert frame.call == 7
    assert wire.read_invoke(frame.payload) == invoke


@given(_INVOKES)
def test_view_says_the_same_as_the_whole(invoke: wire.Invoke) -> None:
    view = InvokeView(wire.pack_invoke(7, invoke)[wire.HEAD_SIZE :])
    assert (view.verb, view.more, view.timeout_s, view.depth) == invoke[:4]
    assert [view.text(index) for index in range(10)] == list(invoke[4:14])
    assert (view.method, view.headers, view.body) == (invoke.method, invoke.headers, invoke.body)


@given(_INVOKES, st.data())
def test_invoke_cut_short_is_refused_or_only_lost_body(
    invoke: wire.Invoke, data: st.DataObject
) -> None:
    payload = wire.pack_invoke(1, invoke)[wire.HEAD_SIZE :]
    without_body = len(payload) - len(invoke.body)
    size = data.draw(st.integers(0, len(payload)))
    for read in (wire.read_invoke, InvokeView):
        if size < without_body:
            with pytest.raises(wire.WireError):
                read(payload[:size])
        else:
            assert read(payload[:size]).body == invoke.body[: size - without_body]


@given(st.binary(max_size=300))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    readers = (
        wire.read_invoke,
        wire.read_result,
        wire.read_body,
        wire.read_message,
        wire.read_u32,
        wire.read_u16,
        wire.read_ask,
        wire.read_answer,
        lambda data: InvokeView(data).headers,
    )
    for read in readers:
        with contextlib.suppress(wire.WireError):
            read(payload)


@given(st.integers(0, 65535), _HEADERS, st.binary(max_size=100), st.booleans())
def test_result_comes_back(status: int, headers: wire.Headers, body: bytes, more: bool) -> None:
    packed = wire.pack_result(3, status, headers, body, more=more)
    assert wire.read_result(packed[wire.HEAD_SIZE :]) == (status, more, headers, body)
    ready = wire.pack_headers(headers)
    assert wire.pack_whole(3, status, ready, body, more=more) == packed


@given(st.text(max_size=50) | st.binary(max_size=50))
def test_message_comes_back(data: str | bytes) -> None:
    assert wire.read_message(wire.pack_message(1, data)[wire.HEAD_SIZE :]) == data


@given(st.binary(max_size=50), st.booleans())
def test_body_comes_back(data: bytes, last: bool) -> None:
    assert wire.read_body(wire.pack_body(1, data, last=last)[wire.HEAD_SIZE :]) == (data, last)


@given(st.integers(0, 2**32 - 1), st.text(max_size=20), st.binary(max_size=50), st.booleans())
def test_question_and_answer_come_back(ask: int, name: str, body: bytes, fine: bool) -> None:
    asked = wire.pack_ask(1, ask, name, body)[wire.HEAD_SIZE :]
    assert wire.read_ask(asked) == (ask, name, body)
    answered = wire.pack_answer(1, ask, body, fine=fine)[wire.HEAD_SIZE :]
    assert wire.read_answer(answered) == (ask, fine, body)


@given(st.integers(0, 2**32 - 1), st.integers(0, 65535))
def test_numbers_come_back(count: int, code: int) -> None:
    assert wire.read_u32(wire.pack_window(1, count)[wire.HEAD_SIZE :]) == count
    assert wire.read_u16(wire.pack_done(1, code)[wire.HEAD_SIZE :]) == code


def test_too_many_headers_are_refused() -> None:
    headers = [(b"a", b"b")] * (wire.HEADERS_MAX + 1)
    with pytest.raises(wire.WireError):
        wire.read_result(wire.pack_result(1, 200, headers, b"", more=False)[wire.HEAD_SIZE :])
