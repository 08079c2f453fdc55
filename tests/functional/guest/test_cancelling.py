"""Deadlines and callers that went away, as handlers see them."""

import pytest

from tests.functional.guest.conftest import MakeHost


def test_async_handler_is_cancelled_and_may_clean_up(make_host: MakeHost) -> None:
    host = make_host(
        """
        import asyncio
        async def get():
            try:
                print("waiting")
                await asyncio.Event().wait()
            finally:
                print("cleaned up")
        """
    )
    number = host.start()
    while not host.told[number].logs:
        host.step()
    host.cancel(number, "the deadline has passed")
    told = host.wait_end(number)
    assert told.failure is not None
    assert told.failure["ending"] == "cancelled"
    assert told.failure["message"] == "the deadline has passed"
    assert told.logs[-1] == (2, "cleaned up")


def test_plain_handler_sees_that_it_is_cancelled(make_host: MakeHost) -> None:
    host = make_host(
        """
        def get(ctx):
            print("working")
            while not ctx.cancelled:
                pass
            return "gave up"
        """
    )
    number = host.start()
    while not host.told[number].logs:
        host.step()
    host.cancel(number)
    assert host.wait_end(number).ended


def test_plain_handler_on_a_thread_sees_that_it_is_cancelled(make_host: MakeHost) -> None:
    host = make_host(
        """
        from tapwater import options
        options(concurrency=4)
        def get(ctx):
            print("working")
            while not ctx.cancelled:
                pass
            return "gave up"
        """
    )
    number = host.start()
    while not host.told[number].logs:
        host.step()
    host.cancel(number)
    assert host.wait_end(number).ended


@pytest.mark.parametrize("define", ["def", "async def"])
def test_remaining_time_is_known(make_host: MakeHost, define: str) -> None:
    source = f"{define} get(ctx):\n    return [ctx.deadline is None, ctx.remaining()]\n"
    host = make_host(source)
    no_deadline, left = host.call(timeout_s=2.5).json()
    assert not no_deadline
    assert 0 < left <= 2.5


def test_without_a_deadline_there_is_no_end(make_host: MakeHost) -> None:
    source = "def get(ctx):\n    return [ctx.deadline is None, str(ctx.remaining())]\n"
    assert make_host(source).call(timeout_s=0.0).json() == [True, "inf"]


def test_cancel_of_a_call_that_is_over_means_nothing(make_host: MakeHost) -> None:
    host = make_host("def get():\n    return 'x'\n")
    host.call()
    host.cancel(1)
    assert host.call().body == b"x"


def test_host_that_is_gone_ends_the_guest(make_host: MakeHost) -> None:
    for define in ("def", "async def"):
        host = make_host(f"{define} get():\n    return 'x'\n")
        host.call()
        host.sock.shutdown(2)
        assert host.wait_exit() == 0


def test_host_that_goes_in_the_middle_of_a_stream_ends_the_guest(make_host: MakeHost) -> None:
    for define in ("def", "async def"):
        host = make_host(f"{define} get():\n    while True:\n        yield 'x' * 1000\n")
        number = host.start()
        while not host.told[number].pieces:
            host.step()
        host.sock.shutdown(2)
        assert host.wait_exit() == 0
