"""Several calls at a time in one guest."""

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost


def test_async_calls_run_side_by_side(make_host: MakeHost) -> None:
    host = make_host(
        """
        import asyncio
        from tapwater import options
        options(concurrency=10)
        gate = []

        async def get(n: int):
            print(f"call {n}")
            gate.append(asyncio.Event())
            if len(gate) == 3:
                for event in gate:
                    event.set()
            await gate[-1].wait()
            return n
        """
    )
    numbers = [host.start(query=f"n={n}") for n in range(3)]
    assert [host.wait_end(number).json() for number in numbers] == [0, 1, 2]
    # What is printed is said of the call that printed it.
    assert [host.told[number].logs for number in numbers] == [[(2, f"call {n}")] for n in range(3)]


def test_plain_calls_run_on_threads(make_host: MakeHost) -> None:
    host = make_host(
        """
        import threading
        from tapwater import options
        options(concurrency=3)
        barrier = threading.Barrier(3)

        def get(n: int):
            print(f"call {n}")
            barrier.wait(10)
            return n
        """
    )
    numbers = [host.start(query=f"n={n}") for n in range(3)]
    assert [host.wait_end(number).json() for number in numbers] == [0, 1, 2]
    assert [host.told[number].logs for number in numbers] == [[(2, f"call {n}")] for n in range(3)]
    assert host.stop() == 0


def test_streams_and_bodies_of_several_threads_do_not_mix(make_host: MakeHost) -> None:
    host = make_host(
        """
        from tapwater import options
        options(concurrency=4)

        def post(body: bytes):
            for _ in range(40):
                yield body
        """
    )
    numbers = [host.start("POST", body=b"%d" % n * 5000, more=True) for n in range(4)]
    for n, number in enumerate(numbers):
        host.send(wire.pack_body(number, b"%d" % n * 5000, last=True))
    for n, number in enumerate(numbers):
        assert host.wait_end(number).body == b"%d" % n * 400_000


def test_host_that_sends_several_is_believed(make_host: MakeHost) -> None:
    # The file says nothing of concurrency, tapwater.toml did: the guest sees it by the calls.
    host = make_host(
        """
        import threading
        barrier = threading.Barrier(3)

        def get(n: int):
            if n >= 100:
                barrier.wait(10)
            return n
        """
    )
    numbers = [host.start(query=f"n={n}") for n in range(20)]
    assert [host.wait_end(number).json() for number in numbers] == list(range(20))
    numbers = [host.start(query=f"n={n}") for n in (100, 101, 102)]
    assert [host.wait_end(number).json() for number in numbers] == [100, 101, 102]
    assert host.stop() == 0


def test_stop_lets_running_calls_finish(make_host: MakeHost) -> None:
    host = make_host(
        """
        async def post(body: bytes):
            return len(body)
        """
    )
    number = host.start("POST", body=b"a", more=True)
    host.send(wire.pack(wire.Kind.STOP, 0))
    host.send(wire.pack_body(number, b"b", last=True))
    assert host.wait_end(number).json() == 2
    assert host.wait_exit() == 0
