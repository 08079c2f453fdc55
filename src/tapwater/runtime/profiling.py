"""Where the time of running calls goes: a thread that looks at their stacks, while asked to.

Nothing of this is loaded before the host asks (a PROFILE frame), and nothing is left when it is
over. ``wall`` counts a look for each call that runs or waits; ``cpu`` counts the processor time of
a thread since the last look, so that what waits weighs nothing.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from tapwater.runtime import logs
from tapwater.runtime.wire import Kind, pack

if TYPE_CHECKING:
    pass

SECONDS_MAX, RATE_MAX = 300.0, 1000.0
STACKS_MAX = 2000  # different ones in a report; what is more is counted as one
DEPTH_MAX = 128
NAME_MAX = 160  # characters
SWITCH_S = 0.0002
REPORT_S = 1.0  # An instance that dies takes no more than this with it.
REPORT_BYTES_MAX = 1 << 20
_MORE = ("(more stacks than are kept)",)
_STEP = "/asyncio/events.py"  # Handle._run: what is inside is the callback, what is outside waits
_SIGNALLED = "/runtime/runner.py"
_IDLE = "/concurrent/futures/thread.py"

Stack = tuple[str, ...]  # outermost first

_running: "Sampler | None" = None
_latest = -1  # the number of the last one, running or over


def begin(payload: bytes) -> None:
    """Do as a PROFILE frame says: begin, or end what runs."""
    global _running, _latest
    said = json.loads(payload)
    number, seconds = int(said["number"]), min(float(said["seconds"]), SECONDS_MAX)
    if seconds > 0 and number == _latest:
        return  # It was seen before its turn.
    _latest = number
    if _running is not None:
        _running.stop()
        _running = None
    if seconds > 0:
        _running = Sampler(
            number=number,
            seconds=seconds,
            rate=min(float(said["rate"]), RATE_MAX),
            cpu=said.get("mode") == "cpu",
        )
        _running.start()


class Sampler:
    """Looks ``rate`` times a second, for ``seconds``, and reports once a second."""

    def __init__(self, *, number: int, seconds: float, rate: float, cpu: bool) -> None:
        self._number, self._pause_s, self._cpu = number, 1.0 / rate, cpu
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self._counts: dict[Stack, float] = {}
        self._clocks: dict[int, float] = {}  # by thread: its processor time at the last look
        self._names: dict[CodeType, str] = {}
        self._main = threading.main_thread().ident
        self.looks = 0

    def start(self) -> None:
        """Look from now on, on a thread of its own."""
        threading.Thread(target=self.run, name="tapwater-profile", daemon=True).start()

    def stop(self) -> None:
        """End soon, with a last report."""
        self._over.set()

    def run(self) -> None:
        """Look until the time is over, or somebody says stop."""
        before = sys.getswitchinterval()
        # Who computes gives way to us after this time. With the usual 5 ms we would come to look
        # when it gives way by itself, and see little but the moments at which it waits.
        sys.setswitchinterval(SWITCH_S)
        try:
            self._look_on()
        finally:
            sys.setswitchinterval(before)
        self.report(last=True)

    def _look_on(self) -> None:
        report_at = time.monotonic() + REPORT_S
        while not self._over.wait(self._pause_s):
            self.look()
            now = time.monotonic()
            if now >= self._until:
                break
            if now >= report_at:
                report_at = now + REPORT_S
                self.report(last=False)

    def look(self) -> None:
        """Take one sample of every call."""
        self.looks += 1
        link = logs.SINK.link
        if logs.SINK.serial is None and not getattr(link, "calls", None):
            return  # Nothing runs.
        own = threading.get_ident()
        frames = {ident: frame for ident, frame in sys._current_frames().items() if ident != own}
        for ident, frame in frames.items():
            weight = self._burnt_ms(ident) if self._cpu else 1.0
            stack = self._stack(frame, main=ident == self._main) if weight > 0 else None
            if stack:
                self.count(stack, weight)
        if not self._cpu:
            for stack in self._waiting():
                self.count(stack, 1.0)

    def _burnt_ms(self, ident: int) -> float:
        try:
            now = time.clock_gettime(time.pthread_getcpuclockid(ident)) * 1e3
        except OSError:
            return 0.0  # The thread has just ended.
        before = self._clocks.get(ident, now)
        self._clocks[ident] = now
        return now - before

    def count(self, stack: Stack, weight: float) -> None:
        """Add to what is reported next."""
        if stack not in self._counts and len(self._counts) >= STACKS_MAX:
            stack = _MORE
        self._counts[stack] = self._counts.get(stack, 0.0) + weight

    def _stack(self, frame: FrameType, *, main: bool) -> Stack | None:
        """The names of a thread's stack, from the user's code on; None: it does nothing."""
        codes: list[CodeType] = []
        inner: FrameType | None = frame
        if frame.f_code.co_filename.endswith(_IDLE):
            return None
        stepping = False
        while inner is not None and len(codes) < DEPTH_MAX:
            name = inner.f_code.co_filename
            if name.endswith(_STEP):
                stepping = True  # A step of a task: the loop around it is no part of a call.
                break
            codes.append(inner.f_code)
            inner = inner.f_back
        if main and not stepping and logs.SINK.serial is None:
            return None  # Between two calls, or in the loop's own wait.
        codes.reverse()
        return self._named(codes)

    def _named(self, codes: list[CodeType]) -> Stack | None:
        """Leave out our own frames at the beginning: they are the same in all calls."""
        at = 0
        while at < len(codes) and _is_ours(codes[at]):
            at += 1
        end = next((n for n in range(at, len(codes)) if _interrupts(codes[n])), len(codes))
        return tuple(self._name(code) for code in codes[at:end]) or None

    def _name(self, code: CodeType) -> str:
        found = self._names.get(code)
        if found is None:
            file = short_path(code.co_filename)
            named = f"{code.co_qualname} ({file}:{code.co_firstlineno})"
            found = self._names[code] = named.replace(";", ",")[:NAME_MAX]
        return found

    def _waiting(self) -> Iterator[Stack]:
        """The stacks of tasks that wait: no thread has them."""
        loop = getattr(logs.SINK.link, "loop", None)
        if loop is None:
            return
        for task in asyncio.all_tasks(loop):
            stack = self._named(list(_awaiting(task.get_coro())))
            if stack:
                yield stack

    def report(self, *, last: bool) -> None:
        """Tell the host what was seen since the last time."""
        counts, self._counts = self._counts, {}
        told: dict[str, Any] = {"number": self._number, "looks": self.looks, "last": last}
        self.looks = 0
        told["stacks"] = [[";".join(stack), weight] for stack, weight in counts.items()]
        payload = json.dumps(told).encode()
        if len(payload) > REPORT_BYTES_MAX:
            told["stacks"] = [[_MORE[0], sum(counts.values())]]
            payload = json.dumps(told).encode()
        link = logs.SINK.link
        if link is not None:
            link.send(pack(Kind.STACKS, 0, payload))


def _awaiting(coroutine: Any) -> Iterator[CodeType]:
    """What a task that waits is in the middle of, from the outside in; nothing if it runs."""
    for _ in range(DEPTH_MAX):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None or getattr(coroutine, "cr_running", False):
            return
        yield frame.f_code
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)


def _interrupts(code: CodeType) -> bool:
    """Whether it is our answer to a signal, in the midst of what the user's code did."""
    return code.co_filename.endswith(_SIGNALLED) and code.co_name == "<lambda>"


def _is_ours(code: CodeType) -> bool:
    name = code.co_filename
    # The zygote that this process was forked from is a program given as text.
    return (
        name.startswith(_OWN)
        or name == "<string>"
        or name.endswith(("/threading.py", _IDLE, "/asyncio/runners.py"))
    )


def short_path(file: str) -> str:
    """A file's path below the place that Python found it in.

    >>> short_path("<string>")
    '<string>'
    """
    for place in sys.path:
        if place and file.startswith(place.rstrip("/") + "/"):
            return file[len(place.rstrip("/")) + 1 :]
    return file


def _folder(code: CodeType) -> str:
    return code.co_filename.rpartition("/")[0] + "/"


# Ours: as the zygote loaded it, and as it is called in here.
_OWN = (_folder(pack.__code__), _folder(short_path.__code__))
