"""One function's zygote, from the platform's side: opened, forked from, closed."""

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.backends.linux import credentials
from tapwater_server.backends.linux.birth import Birth
from tapwater_server.backends.linux.group import Group
from tapwater_server.backends.linux.guest import REPORT_S_MAX, LinuxGuest
from tapwater_server.backends.linux.headroom import Headroom
from tapwater_server.backends.linux.line import Line
from tapwater_server.backends.linux.output import Tail
from tapwater_server.backends.linux.process import Process, read_kept_status
from tapwater_server.model import limits as ceilings
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Death, Died

CLOSE_S_MAX = 5.0
_TEXT_CHARACTERS_MAX = 32 << 10
_UNMATCHED_MAX = 1024  # Reports about children that nobody has announced (yet).

MakeGroup = Callable[[FunctionLimits], Group]
Newborn = tuple[int, Birth]  # what we called it, and what it owns


class LinuxZygote:
    """A confined process with a function's module imported. Made by ``LinuxSandbox.open()``."""

    def __init__(
        self,
        sock: socket.socket,
        output_fd: int,
        *,
        name: str,
        group: Group,
        headroom: Headroom,
        make_group: MakeGroup,
        weakness: str,
        idle: Callable[["LinuxZygote"], None],
        released: Callable[["LinuxZygote"], None],
    ) -> None:
        credentials.ask(sock)
        self.name = name
        self._sock = sock
        self._group = group
        self._headroom = headroom
        self._make_group = make_group
        self._weakness = weakness  # what this machine lacks; it has no namespaces then
        self._idle, self._released = idle, released
        self._tail = Tail(output_fd)
        self._line: Line | None = None
        self._process: Process | None = None
        self._steps: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._births: set[Birth] = set()
        self._spare: tuple[FunctionLimits, int, Birth] | None = None
        self._numbers: dict[int, LinuxGuest] = {}  # what we called it -> guest
        self._inside: dict[int, int] = {}  # pid as the zygote sees it -> what we called it
        self._early: dict[int, int] = {}  # pid as the zygote sees it -> status
        self._forks = 0
        self._told: list[Callable[[Died], None]] = []
        self._died: Died | None = None
        self._status: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.over = asyncio.Event()  # It and all its instances have ended, and who asked was told.
        self._closing = self._released_already = False
        self._manifest: Mapping[str, Any] = {}

    async def wait_built(self) -> list[int]:
        """Wait until it is confined; give the listeners of its declared egress.

        Raises:
            StartFailed: it could not be confined.
        """
        loop = asyncio.get_running_loop()
        self._sock.setblocking(False)
        sender = await credentials.wait_sender(self._sock)
        if sender is None:
            raise StartFailed(f"the sandbox of {self.name} could not be built{self.last_words()}")
        credentials.ask(self._sock, on=False)
        built = loop.create_future()
        self._steps["built"] = built
        self._process = Process(sender.pid, sender.pidfd, ended=self._on_end)
        self._line = Line(self._sock, heard=self._heard, ended=self._on_hang_up)
        await built
        fds, self._line.fds = self._line.fds, []
        return fds

    async def wait_ready(self) -> None:
        """Put it under its limits, let it import the module, wait for what it says.

        Raises:
            StartFailed: the module failed; the message has its traceback.
        """
        assert self._line is not None
        assert self._process is not None
        try:
            self._group.attach(self._process.pid)
        except ProcessLookupError as error:
            raise StartFailed(f"{self.name} ended before it began{self.last_words()}") from error
        ready = asyncio.get_running_loop().create_future()
        self._steps["ready"] = ready
        self._line.trusting = False
        self._line.send({"go": True})
        message = await ready
        manifest = message["ready"]
        if not isinstance(manifest, dict):
            what = "described itself with something that is no object"
            raise StartFailed(f"{self.name} {what}", by_function=True)
        self._manifest = manifest

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self._manifest

    @property
    def warnings(self) -> tuple[str, ...]:
        found = self._manifest.get("warnings", ())
        said = [str(w) for w in found] if isinstance(found, list) else []
        if self._weakness:
            said.insert(0, f"this function is not well confined: {self._weakness}")
        return tuple(said)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def guests(self) -> int:
        """How many instances of it are alive."""
        return len(self._numbers)

    def memory_bytes(self) -> int:
        if self._died is not None:
            return 0
        spare_bytes = self._spare[2].memory_now_bytes() if self._spare is not None else 0
        return (self._group.memory_now_bytes() or 0) + spare_bytes

    def when_died(self, told: Callable[[Died], None]) -> None:
        if self._died is not None:
            told(self._died)
        else:
            self._told.append(told)

    async def fork(self, limits: FunctionLimits) -> LinuxGuest:
        """Make an instance; see the port. A spare that waits already is one at once."""
        if self._ends():
            raise StartFailed(f"the zygote of {self.name} has gone{self.last_words()}")
        spare = self._take_spare(limits)
        number, birth = spare if spare is not None else await self._bear(limits)
        guest = birth.make_guest(alone=bool(self._weakness), gone=lambda g: self._forget(number, g))
        self._numbers[number] = guest
        return guest

    def _ends(self) -> bool:
        return self._died is not None or self._closing or self._line is None

    async def _bear(self, limits: FunctionLimits) -> Newborn:
        assert self._line is not None
        self._forks += 1
        number = self._forks
        birth = Birth(group=self._make_group(limits), name=self.name)
        self._births.add(birth)
        self._headroom.fit(self._children)
        try:
            self._line.send({"fork": number, "limits": wire_limits(limits)}, birth.take_theirs())
            async with asyncio.timeout(ceilings.FORK_S_MAX):
                await birth.wait_done()
        except TimeoutError as error:
            birth.abort()
            raise StartFailed(
                f"{self.name} did not fork an instance within {ceilings.FORK_S_MAX:g} s"
            ) from error
        except BaseException:
            birth.abort()
            raise
        finally:
            self._births.discard(birth)
        return number, birth

    async def make_spare(self, limits: FunctionLimits) -> bool:
        """Fork an instance ahead, up to the point where it would run the function's code.

        Says whether there is one then; not where instances are there or being born.
        """
        if self._children or self._ends():
            return self._spare is not None
        try:
            number, birth = await self._bear(limits)
        except (StartFailed, OSError):
            return False  # Whoever forks in earnest is told why.
        if self._ends():
            birth.abort()
            return False
        self._spare = (limits, number, birth)
        return True

    @property
    def spare_pid(self) -> int:
        """The process that waits to be the next instance; 0: none does."""
        return 0 if self._spare is None or self._spare[2].lost else self._spare[2].pid

    def drop_spare(self) -> None:
        """End the spare, if there is one."""
        if self._spare is not None:
            self._spare[2].abort()
            self._spare = None

    def _take_spare(self, limits: FunctionLimits) -> Newborn | None:
        if self._spare is None:
            return None
        made_for, number, birth = self._spare
        if made_for != limits or birth.lost:
            self.drop_spare()
            return None
        self._spare = None
        return number, birth

    @property
    def _children(self) -> int:
        return len(self._numbers) + len(self._births) + (self._spare is not None)

    async def close(self) -> None:
        """No more forks; it ends when its last instance has."""
        if self._closing or self._died is not None:
            return
        self._closing = True
        self.drop_spare()
        if self._numbers or self._births:
            assert self._line is not None
            self._line.send({"finish": True})
            return
        ended = asyncio.Event()
        self.when_died(lambda _: ended.set())
        self.kill()
        async with asyncio.timeout(CLOSE_S_MAX):
            await ended.wait()

    def kill(self) -> None:
        """End it, and with it every instance."""
        if self._process is not None:
            self._process.kill()
            if self._weakness:
                self._group.kill()
        if self._process is None:
            self._release()

    def ended(self, status: int) -> None:
        """Hear from the base zygote how it ended."""
        self._status = status
        if self._timer is not None:
            self._conclude()

    def last_words(self) -> str:
        """Give the end of what it wrote to stdout and stderr, for a person to read."""
        text = self._tail.text()
        return f":\n{text}" if text else ""

    def said(self) -> str:
        """Give the end of what the module printed."""
        return self._tail.text()

    def _heard(self, message: dict[str, Any]) -> None:
        for key in ("built", "ready"):
            step = self._steps.get(key)
            if step is not None and not step.done():
                if key in message:
                    step.set_result(message)
                elif "failed" in message:
                    why = str(message["failed"])[:_TEXT_CHARACTERS_MAX]
                    step.set_exception(StartFailed(why, by_function=key == "ready"))
        if "forked" in message or "ended" in message:
            self._note_child(message)

    def _note_child(self, message: dict[str, Any]) -> None:
        # Whatever it says: only numbers, and only about its own children.
        numbers = {k: v for k, v in message.items() if isinstance(v, int)}
        pid = numbers.get("pid", numbers.get("ended", -1))
        if "forked" in numbers and len(self._inside) < _UNMATCHED_MAX:
            self._inside[pid] = numbers["forked"]
        elif "status" in numbers and len(self._early) < _UNMATCHED_MAX:
            self._early[pid] = numbers["status"]
        if pid in self._inside and pid in self._early:
            guest = self._numbers.get(self._inside.pop(pid))
            status = self._early.pop(pid)
            if guest is not None:
                guest.reported(status)

    def _forget(self, number: int, guest: LinuxGuest) -> None:
        self._numbers.pop(number, None)
        self._note_over()
        if self._died is None:
            self._headroom.fit(self._children)
            if not self._numbers and not self._closing:
                self._idle(self)
        if self._closing and not self._numbers and not self._births:
            self.kill()

    def _on_hang_up(self, why: str) -> None:
        if self._process is None or not self._process.alive:
            return
        self._process.kill()  # A zygote that cannot be talked to is of no use.

    def _on_end(self) -> None:
        if self._status is not None or self._closing:
            self._conclude()
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(REPORT_S_MAX, self._conclude)

    def _conclude(self) -> None:
        if self._died is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        assert self._process is not None
        end = self._process.exit() or read_kept_status(self._status or 0)
        if self._group.oom_killed():
            self._died = Died(death=Death.OUT_OF_MEMORY, detail=9)
        elif end.signal:
            self._died = Died(death=Death.SIGNALLED, detail=end.signal)
        else:
            self._died = Died(death=Death.EXITED, detail=end.code)
        self._fail_waiting()
        self._release()
        told, self._told = self._told, []
        for tell in told:
            tell(self._died)

    def _fail_waiting(self) -> None:
        assert self._died is not None
        why = f"{self.name} {describe(self._died)}{self.last_words()}"
        for key, step in self._steps.items():
            if not step.done():
                fault = key == "ready" and not _is_killed(self._died)
                step.set_exception(StartFailed(why, by_function=fault))
        for birth in list(self._births):
            birth.fail(why)

    def _note_over(self) -> None:
        if self._released_already and not self._numbers and not self.over.is_set():
            self.over.set()
            self._released(self)

    def _release(self) -> None:
        if self._released_already:
            return
        self._released_already = True
        self.drop_spare()
        if self._line is not None:
            self._line.close()
        else:
            self._sock.close()
        if self._process is not None:
            self._process.forget()
        self._tail.close()
        self._group.remove()
        self._note_over()


def _is_killed(died: Died) -> bool:
    """Whether it may be a victim of somebody else's hunger for memory, or of an operator."""
    return died.death is Death.SIGNALLED and died.detail == signal.SIGKILL


def describe(died: Died) -> str:
    """Say in words how a process ended.

    >>> describe(Died(death=Death.SIGNALLED, detail=11))
    'was ended by SIGSEGV while its module was imported'
    """
    when = "while its module was imported"
    if died.death is Death.OUT_OF_MEMORY:
        return f"went over its memory limit {when}"
    if died.death is Death.SIGNALLED:
        known = died.detail in set(signal.Signals)
        name = signal.Signals(died.detail).name if known else f"signal {died.detail}"
        return f"was ended by {name} {when}"
    return f"exited with code {died.detail} {when}"


def wire_limits(limits: FunctionLimits) -> dict[str, int]:
    """Say in JSON what a process is to be limited to by itself."""
    return {"tmp_bytes": limits.tmp_bytes, "pids_max": limits.pids_max}
