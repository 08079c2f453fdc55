"""Bodies larger than the window, both ways; streamed answers; server-sent events."""

import pytest

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost
from tests.functional.guest.host import Host

_SIZE = 3 * wire.WINDOW_BYTES + 12_345
_PIECE = 48 << 10


@pytest.fixture(params=["def", "async def"])
def define(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _upload(host: Host, data: bytes, **more: object) -> int:
    """Send a body as the platform does: never more than the guest has granted."""
    first, rest = data[:_PIECE], data[_PIECE:]
    number = host.start("POST", body=first, more=True, **more)  # type: ignore[arg-type]
    host.granted = wire.WINDOW_BYTES
    while rest:
        while host.granted < min(_PIECE, len(rest)):
            host.step()
        host.granted -= min(_PIECE, len(rest))
        host.send(wire.pack_body(number, rest[:_PIECE], last=False))
        rest = rest[_PIECE:]
    host.send(wire.pack_body(number, b"", last=True))
    return number


def test_body_larger_than_the_window_arrives_whole(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        import hashlib
        {define} post(body: bytes):
            return hashlib.sha256(body).hexdigest() + f" {{len(body)}}"
        """
    )
    import hashlib

    data = bytes(range(256)) * (_SIZE // 256)
    told = host.wait_end(_upload(host, data))
    assert told.body.decode() == f"{hashlib.sha256(data).hexdigest()} {len(data)}"


def test_body_is_taken_piece_by_piece(make_host: MakeHost, define: str) -> None:
    loop = "async for" if define.startswith("async") else "for"
    host = make_host(
        f"""
        from tapwater import Stream
        {define} post(body: Stream):
            total = count = 0
            {loop} piece in body:
                total, count = total + len(piece), count + 1
            return [total, count > 10]
        """
    )
    told = host.wait_end(_upload(host, b"x" * _SIZE))
    assert told.json() == [_SIZE, True]


def test_handler_that_does_not_read_holds_the_sender_back(make_host: MakeHost) -> None:
    host = make_host("def post():\n    return 'unread'\n")
    number = host.start("POST", body=b"x", more=True)
    host.send(wire.pack_body(number, b"y" * 1000, last=False))
    assert host.wait_end(number).body == b"unread"
    assert host.granted == 0
    assert host.call("POST").body == b"unread"


def test_large_upload_goes_to_a_file(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        import io
        from tapwater import File
        {define} post(file: File):
            assert not isinstance(file.file, io.BytesIO)
            return file.size
        """
    )
    data = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + b"z" * _SIZE
        + b"\r\n--b--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert host.wait_end(_upload(host, data, headers=headers)).json() == _SIZE


def test_large_answer_waits_for_room(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    return b'x' * {_SIZE}\n")
    host.credits = False
    number = host.start()
    while len(host.told[number].body) < wire.WINDOW_BYTES:
        host.step()
    # Not a byte more than the window; the guest waits for us.
    host.sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        host.step()
    host.sock.settimeout(20)
    assert len(host.told[number].body) == wire.WINDOW_BYTES
    host.credits = True
    host.send(wire.pack_window(number, wire.WINDOW_BYTES))
    told = host.wait_end(number)
    assert (len(told.body), told.code, told.failure) == (_SIZE, 0, None)


def test_text_is_streamed_as_it_is_yielded(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    for n in range(3):\n        yield f'{{n}}\\n'\n")
    told = host.call()
    assert told.headers["content-type"] == "text/plain; charset=utf-8"
    assert told.pieces == [b"0\n", b"1\n", b"2\n"]


def test_objects_are_streamed_as_server_sent_events(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from tapwater import ServerSentEvent
        {define} get():
            yield {{"n": 1}}
            yield ServerSentEvent(data="two\\nlines", event="word", id="7")
        """
    )
    told = host.call()
    assert told.headers["content-type"] == "text/event-stream"
    assert told.headers["cache-control"] == "no-cache"
    expected = b'data: {"n":1}\n\nevent: word\nid: 7\ndata: two\ndata: lines\n\n'
    assert told.body == expected


def test_generator_in_a_response_keeps_its_status(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from tapwater import Response
        {define} get():
            return Response((b"ab" for _ in range(2)), 206, content_type="video/mp4")
        """
    )
    told = host.call()
    assert (told.status, told.headers["content-type"], told.body) == (206, "video/mp4", b"abab")


def test_empty_stream_is_an_empty_answer(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    return\n    yield\n")
    told = host.call()
    assert (told.status, told.body, told.code) == (200, b"", 0)


def test_error_in_the_middle_of_a_stream_fails_the_call(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    yield 'a'\n    raise ValueError('half way')\n")
    told = host.call()
    assert told.status == 200
    assert told.failure is not None
    assert told.failure["message"] == "ValueError: half way"


def test_error_before_the_first_piece_is_no_200(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    raise ValueError('early')\n    yield 'a'\n")
    told = host.call()
    assert told.status == 0
    assert told.failure is not None


def test_problem_before_the_first_piece_is_its_answer(make_host: MakeHost, define: str) -> None:
    source = (
        f"from tapwater import Problem\n{define} get():\n    raise Problem(404)\n    yield 'a'\n"
    )
    assert make_host(source).call().status == 404


def test_caller_that_goes_ends_the_stream(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        {define} get():
            try:
                while True:
                    yield "x" * 10_000
            finally:
                print("cleaned up")
        """
    )
    number = host.start()
    while not host.told[number].pieces:
        host.step()
    host.cancel(number)
    told = host.wait_end(number)
    assert told.failure is not None
    assert told.failure["ending"] == "cancelled"
    assert ("cleaned up") in [text for _, text in told.logs]
    assert host.start() > number  # still there


def test_head_of_an_endless_stream_ends(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    while True:\n        yield 'x'\n")
    told = host.call("HEAD")
    assert (told.status, told.body, told.failure) == (200, b"", None)


def test_plain_handler_may_return_an_async_stream(make_host: MakeHost) -> None:
    host = make_host(
        """
        from tapwater import Response

        async def words():
            try:
                yield "a"
                yield "b"
            finally:
                print("closed")

        def get():
            return Response.sse(words())
        """
    )
    told = host.call()
    assert told.body == b"data: a\n\ndata: b\n\n"
    assert told.logs == [(2, "closed")]


def test_handler_whose_decorator_hides_that_it_is_async(make_host: MakeHost) -> None:
    host = make_host(
        """
        def audited(function):
            return lambda: function()

        @audited
        async def get():
            return "awaited"
        """
    )
    assert host.call().body == b"awaited"
