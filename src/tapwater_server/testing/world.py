"""A whole scheduler on a hand-wound clock, with guests that play scripts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tapwater.runtime import wire
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.instances.bindings import Bindings, NoBindings
from tapwater_server.instances.zygotes import Zygotes
from tapwater_server.model.function import Function, FunctionLimits, Style
from tapwater_server.model.function import Kind as FunctionKind
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Headers, Invocation, Outcome, Verb
from tapwater_server.ports.invoker import Call
from tapwater_server.ports.meter import LogLine
from tapwater_server.ports.sandbox import Image
from tapwater_server.scheduler.scheduler import Scheduler
from tapwater_server.scheduler.settings import SchedulerSettings
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.testing.guests import Script, ScriptedGuest, ScriptedSandbox, echo

PLENTY = 1 << 40


@dataclass(slots=True)
class Watched:
    """An exchange that remembers everything, and checks INV-2 and INV-3 as it goes."""

    takes: bool = True  # what body() says
    status: int = 0
    headers: Headers = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    messages: list[str | bytes] = field(default_factory=list)
    outcome: Outcome | None = None
    call: Call | None = None

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        """The head of the answer."""
        assert not self.status
        assert self.outcome is None
        self.status, self.headers = status, headers
        if whole is not None:
            self.pieces.append(whole)

    def body(self, data: bytes) -> bool:
        """A piece."""
        assert self.status
        assert self.outcome is None
        self.pieces.append(data)
        return self.takes

    def message(self, data: str | bytes) -> None:
        """A WebSocket message."""
        assert self.outcome is None
        self.messages.append(data)

    def ended(self, outcome: Outcome) -> None:
        """The end, once."""
        assert self.outcome is None
        assert self.status or outcome.ending != "ok"
        self.outcome = outcome

    @property
    def ending(self) -> str:
        """How it ended; empty: it has not."""
        return "" if self.outcome is None else self.outcome.ending.value

    @property
    def content(self) -> bytes:
        """The whole body so far."""
        return b"".join(self.pieces)


def a_function(name: str = "users/hello", **limits: object) -> Function:
    """A function with these limits."""
    return Function(
        id=FunctionId(AppId("shop"), name),
        kind=FunctionKind.RESTFUL,
        style=Style.VERBS,
        file=f"{name}.py",
        group=name.partition("/")[0],
        limits=FunctionLimits(**limits),  # type: ignore[arg-type]
    )


class World:
    """Make one inside a running loop; ``close()`` it."""

    def __init__(
        self,
        *,
        script: Script = echo,
        bindings: Bindings | None = None,
        available: Callable[[], int] = lambda: PLENTY,
        seed: int = 0,
        **settings: object,
    ) -> None:
        self.clock = ManualClock()
        self.ids = CountingIds(seed=seed)
        self.lines: list[LogLine] = []
        self.sandbox = ScriptedSandbox(script)
        self.zygotes = Zygotes(sandbox=self.sandbox, image_of=image_of, clock=self.clock)
        self.scheduler = Scheduler(
            zygotes=self.zygotes,
            clock=self.clock,
            ids=self.ids,
            bindings=bindings or NoBindings(),
            logs=self.lines.append,
            settings=SchedulerSettings(
                **{"memory_budget_bytes": PLENTY, **settings}  # type: ignore[arg-type]
            ),
            available=available,
        )

    def start(
        self, function: Function, *, revision: str = "r1", takes: bool = True, **fields: object
    ) -> Watched:
        """Begin a call; look at what comes of it."""
        watched = Watched(takes=takes)
        invocation = Invocation(
            **{  # type: ignore[arg-type]
                "id": InvocationId(self.ids.fresh()),
                "revision": RevisionId(revision),
                "function": function,
                "verb": Verb.HTTP,
                **fields,
            }
        )
        watched.call = self.scheduler.start(invocation, watched)
        return watched

    async def run(self, seconds: float, *, step_s: float = 0.05) -> None:
        """Let time pass, with the scaler at work."""
        for _ in range(round(seconds / step_s)):
            await self.clock.advance(step_s)
            self.scheduler.step()
        await settle()

    async def close(self) -> None:
        """End everything."""
        stopping = asyncio.ensure_future(self.scheduler.stop(drain_s=0.0))
        await self.clock.advance(6.0)
        await stopping
        await self.sandbox.close()
        await settle()
        await self.zygotes.close()

    def taking(self, seconds: Callable[[bytes], float]) -> Script:
        """A script whose calls take as long as their body says."""

        def play(guest: ScriptedGuest, frame: Frame) -> None:
            if frame.kind == Kind.INVOKE:
                body = bytes(wire.read_invoke(frame.payload).body)
                self.clock.at(seconds(body), lambda: guest.answer(frame.call, body))

        return play


def image_of(revision: RevisionId, function: Function) -> Image:
    """An image that only a scripted sandbox can open."""
    return Image(
        function=str(function.id),
        code=f"/{revision}",
        layer="",
        python="python",
        module=function.file,
        limits=function.limits,
        after_fork_import=function.after_fork_import,
    )
