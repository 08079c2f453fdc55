"""A visit passes everything on, and says once that it is over."""

import asyncio

from tapwater_server.backends.linux.egress_plan import DOOR_ADDRESS, DOOR_PORT, Kind, plan
from tapwater_server.backends.linux.egress_visit import Visit
from tapwater_server.testing.clock import ManualClock


class Host(asyncio.Protocol):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def eof_received(self) -> bool:
        self.heard.append("eof")
        return True

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost")


class Line(asyncio.Transport):
    """A transport that is cut."""

    aborted = 0

    def abort(self) -> None:
        self.aborted += 1


async def test_everything_is_passed_on() -> None:
    clock, host, closed, line = ManualClock(), Host(), list[Visit](), Line()
    visit = Visit(host, now=clock.monotonic, closed=closed.append)
    visit.connection_made(line)
    before = visit.active_at
    await clock.advance(5.0)
    visit.data_received(b"x")
    assert visit.active_at == before + 5.0
    visit.pause_writing()
    visit.resume_writing()
    assert visit.eof_received() is True
    visit.abort()
    visit.connection_lost(None)
    visit.abort()
    assert host.heard == ["made", b"x", "pause", "resume", "eof", "lost"]
    assert (closed, line.aborted) == ([visit], 1)
    assert (visit.bytes_in, visit.bytes_out, visit.half_closed) == (0, 0, False)


def test_a_door_is_an_address_of_the_functions_own_and_cannot_be_declared() -> None:
    made = plan(["api.stripe.com:443"], door="aws")
    assert made.listeners[-1] == (DOOR_ADDRESS, DOOR_PORT, "aws")
    assert made.targets[-1].kind is Kind.DOOR
    assert "aws" not in made.hosts
    declared = plan([f"{DOOR_ADDRESS}:{DOOR_PORT}", "aws:61080"])
    assert Kind.DOOR not in {target.kind for target in declared.targets}
    assert plan([], door="aws").wire()["listeners"] == [[DOOR_ADDRESS, DOOR_PORT]]
    assert plan([]).listeners == ()
