"""One process running one function: send calls, hear answers, trust nothing it says."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from tapwater.runtime.wire import Frame, Kind, WireError, pack
from tapwater_server.instances.account import Account
from tapwater_server.instances.ahead import HELD_S_MAX, Ahead
from tapwater_server.instances.answers import AnswerReader
from tapwater_server.instances.asks import Asks
from tapwater_server.instances.bindings import Bindings
from tapwater_server.instances.call import HANDLERS, CallInProgress
from tapwater_server.instances.deaths import ending_of, sentence_of, truth
from tapwater_server.instances.hearing import Hearing
from tapwater_server.instances.invoke_frame import invoke_frame
from tapwater_server.instances.lifecycle import Signal, State, move
from tapwater_server.instances.speech import SPOKEN, Logs, speech_of
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.function import Function
from tapwater_server.model.ids import InstanceId
from tapwater_server.model.invocation import Ending, Usage, Verb
from tapwater_server.model.limits import KILL_GRACE_S
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.sandbox import Died, Guest
from tapwater_server.ports.tracing import Spans, unseen

UNREAD_BYTES_MAX = 8 << 20  # written to a guest that does not read
_STOP = pack(Kind.STOP, 0)
_LOG, _RESULT = int(Kind.LOG), int(Kind.RESULT)


class Instance(asyncio.Protocol):
    """An instance and its calls. Open it with ``open_instance``; its owner sweeps it."""

    def __init__(
        self,
        *,
        id: InstanceId,
        guest: Guest,
        function: Function,
        clock: Clock,
        bindings: Bindings,
        logs: Logs,
        spans: Spans = unseen,
        freed: Callable[["Instance", Usage], None],
        gone: Callable[["Instance"], None],
        returned: Callable[[CallInProgress], None],
    ) -> None:
        self.id = id
        self.function = function
        self.state = State.FORKING
        self.seats = function.limits.concurrency
        self.calls: dict[int, CallInProgress] = {}
        self.answers = AnswerReader()
        self.writable = True
        self.calls_total = 0
        self.idle_since = clock.monotonic()
        self.guest = guest
        self._monotonic = clock.monotonic
        self.speech = speech_of(function, instance=id, clock=clock, logs=logs, spans=spans)
        self._asks = Asks(bindings=bindings, write=self.write)
        self._freed, self._gone, self._returned = freed, gone, returned
        self.ahead = Ahead() if self.seats == 1 and not function.limits.freeze else None
        self._hearing = Hearing(clock.monotonic)
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._ghosts: set[int] = set()  # calls ended before the guest ended them
        self.account = Account(guest, instance=id, seats=self.seats)
        self._died: Died | None = None
        self._kill_at: float | None = None
        self._frozen = False
        self._told_to_end = False

    def begin(self, call: CallInProgress) -> None:
        """Give ``call`` a seat and send it to the guest. There must be a free one."""
        assert len(self.calls) < self.seats
        if self._frozen:
            self.guest.thaw()
            self._frozen = False
        self._number = (self._number + 1) & 0xFFFFFFFF
        call.number = self._number
        if self.calls:
            self.account.share(self.calls.values())
        self.state = move(self.state, Signal.TAKEN)
        self._seat(call, self._monotonic())
        if self._send(call):
            early = call.early()
            if early:
                self.write(early)

    def hold(self, call: CallInProgress) -> None:
        """Send ``call`` to the guest while another runs, to be begun when that has ended."""
        assert self.ahead is not None
        self._number = (self._number + 1) & 0xFFFFFFFF
        call.number, call.holder = self._number, self
        self._send(call, flags=self.ahead.offer(call))

    @property
    def holds(self) -> bool:
        """Whether it has a call that is not begun."""
        return self.ahead is not None and self.ahead.call is not None

    @property
    def takes_ahead(self) -> bool:
        """Whether it is busy and may be given one call more."""
        ahead = self.ahead
        if ahead is None or not ahead.welcome or ahead.call is not None:
            return False
        return self.state is State.BUSY

    def complete(self, call: CallInProgress, ending: Ending, message: str) -> None:
        """The guest has ended ``call``: free its seat, tell its caller."""
        del self.calls[call.number]
        now = self._monotonic()
        usage = self.account.settle(call, now, others=self.calls.values())
        following = self.ahead.take() if self.ahead is not None else None
        if following is not None:
            self._seat(following, now)
        elif not self.calls:
            self._rest(now)
        ending, message = truth(call, ending, message)
        if ending is not Ending.OK:
            self.speech.mourn(call, ending, message)
        try:
            call.end(ending, usage, message)
        finally:
            self._freed(self, usage)

    def cancel(self, call: CallInProgress, reason: str) -> None:
        """The caller has gone: the function has ``KILL_GRACE_S`` to notice."""
        if self.ahead is not None and self.ahead.call is call and self.ahead.take_back():
            call.end(Ending.CANCELLED, Usage(), reason)
            return
        self.write(pack(Kind.CANCEL, call.number, reason.encode()[:1000]))
        soon = self._monotonic() + KILL_GRACE_S
        call.deadline = soon if call.deadline is None else min(call.deadline, soon)

    # Its life.

    def retire(self) -> None:
        """Finish what runs, take nothing more, then end."""
        self.state = move(self.state, Signal.RETIRED)
        if self.state is State.CLOSING:
            self._stop()

    def kill(self, ending: Ending, message: str) -> None:
        """End it now; its calls end as ``ending``."""
        if self.state is State.GONE:
            return
        self.state = move(self.state, Signal.CONDEMNED)
        self._told_to_end = True
        self._end_calls(ending, message)
        self.guest.kill()
        if self._transport is not None:
            self._transport.abort()

    def sweep(self, now: float) -> None:
        """Enforce the deadlines of calls and of its own end. Called often."""
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            if self._died is not None and self._transport is not None:
                self._transport.abort()  # Somebody still holds its socket; not one of ours.
            else:
                self.kill(Ending.CRASHED, "the process closed its socket or did not end when told")
            return
        for call in tuple(self.calls.values()):
            if now - call.seated_at > HELD_S_MAX:
                self._give_back()
            if call.deadline is not None and now >= call.deadline:
                self._sweep_call(call, now)

    # What the socket says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=512 << 10)
        self.state = move(self.state, Signal.READY)

    def data_received(self, data: bytes) -> None:
        """Frames from the guest."""
        try:
            self._hear(self._hearing.take(data))
        except WireError as error:
            self._broken(error)
            return
        self._hearing.pace(self._transport, self.data_received)

    def eof_received(self) -> bool:
        """The guest has closed its end: it is dying, or as good as dead."""
        return False

    def pause_writing(self) -> None:
        """The guest does not read as fast as we write."""
        self.writable = False

    def resume_writing(self) -> None:
        """The guest has caught up."""
        self.writable = True
        for call in tuple(self.calls.values()):
            call.tell_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Without a socket it is no instance: see that the process ends too."""
        self._transport = None
        if self.state <= State.DRAINING:
            self.state = move(self.state, Signal.CONDEMNED)
        if self._died is not None:
            self._bury(self._died)
        else:
            # A guest that dies closes its socket a moment before we hear of the death.
            self._kill_at = self._monotonic() + KILL_GRACE_S

    def died(self, died: Died) -> None:
        """The process has ended. What it wrote before may still be in the socket."""
        self._died = died
        if self._transport is None:
            self._bury(died)
        else:
            self._kill_at = self._monotonic() + KILL_GRACE_S

    def write(self, frames: bytes) -> None:
        """Send frames, unless nobody is there to read them."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(frames)
        if not self.writable and transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.kill(Ending.BROKEN, "the process does not read what it is sent")

    def note(self, call: CallInProgress, trace: str) -> None:
        """A traceback of the function, for the log."""
        self.speech.explain(call, trace)

    def on_output(self, line: bytes) -> None:
        """A line of plain output."""
        try:
            self.speech.on_output(line, self.calls)
        except WireError as error:
            self._broken(error)

    def _seat(self, call: CallInProgress, now: float) -> None:
        """From now on the guest works on ``call``."""
        call.seat = call.holder = self
        call.seated_at = now
        timeout_s = self._timeout_s(call)
        if timeout_s and not call.cancelled:
            call.deadline = now + timeout_s
        self.calls[call.number] = call

    def _timeout_s(self, call: CallInProgress) -> float:
        endless = call.invocation.verb is Verb.WEBSOCKET
        return 0.0 if endless else self.function.limits.timeout_s or 0.0

    def _send(self, call: CallInProgress, *, flags: int = 0) -> bool:
        timeout_s = self._timeout_s(call)
        try:
            frame = invoke_frame(call.number, call.invocation, timeout_s=timeout_s, flags=flags)
        except TooLarge as error:
            self._refuse(call, error.message)
            return False
        self.calls_total += 1
        assert self._transport is not None
        self._transport.write(frame)
        return True

    def _refuse(self, call: CallInProgress, message: str) -> None:
        """It cannot be sent at all."""
        if call.number in self.calls:
            self.complete(call, Ending.USER_ERROR, message)
        elif self.ahead is not None and self.ahead.take_back():
            call.end(Ending.USER_ERROR, Usage(), message)

    def _give_back(self) -> None:
        """What runs takes long, or was the last: who was to come after it goes elsewhere."""
        call = self.ahead.take_back() if self.ahead is not None else None
        if call is not None:
            call.holder = None
            self._returned(call)

    def _hear(self, frames: Sequence[Frame]) -> None:
        """Take frames in their order, but answers before the lines that came just before them:
        somebody waits for the answers.
        """
        lines: list[tuple[bytes, CallInProgress | None]] = []
        for kind, number, payload in frames:
            call = self.calls.get(number)
            if kind == _LOG:
                lines.append((payload, call))
                continue
            if lines and kind != _RESULT:
                self.speech.hear_lines(lines)
            handler = HANDLERS.get(kind)
            if call is not None and handler is not None:
                handler(call, payload)
            else:
                self._other(kind, number, payload, call)
        if lines:
            self.speech.hear_lines(lines)

    def _other(self, kind: int, number: int, payload: bytes, call: CallInProgress | None) -> None:
        if kind in SPOKEN:
            self.speech.hear(kind, payload, call)
        elif kind == Kind.HELLO and number == 0:
            if self.ahead is not None:
                self.ahead.hear(payload)
        elif kind == Kind.ASK and call is not None:
            self._asks.take(number, payload, call.invocation)
        elif not self._harmless(kind, number):
            raise WireError(f"a frame of kind {kind} for call {number}")

    def _harmless(self, kind: int, number: int) -> bool:
        """Whether a frame for no call of now may be passed over."""
        if number in self._ghosts:
            return kind in HANDLERS or kind == Kind.ASK
        # A grant or question may cross our last word on a call.
        return kind in (Kind.WINDOW, Kind.ASK) and 0 < number <= self._number

    def _sweep_call(self, call: CallInProgress, now: float) -> None:
        if not call.cancelled and not call.overdue:
            call.overdue = True
            call.deadline = now + KILL_GRACE_S
            self.write(pack(Kind.CANCEL, call.number, b"the deadline has passed"))
        elif self.seats == 1 or self._transport is None:
            self.kill(*truth(call, Ending.TIMED_OUT, ""))
        else:
            self._abandon(call, now)

    def _abandon(self, call: CallInProgress, now: float) -> None:
        """End one call of several; the others may finish, then the process goes."""
        self._ghosts.add(call.number)
        del self.calls[call.number]
        usage = self.account.settle(call, now, others=self.calls.values())
        self.state = move(self.state, Signal.RETIRED)
        if not self.calls:
            self._rest(now)
        self._mourn(call, usage, Ending.TIMED_OUT, "")

    def _rest(self, now: float) -> None:
        """No call is left."""
        self.idle_since = now
        self.state = move(self.state, Signal.FREED)
        if self.state is State.CLOSING:
            self._stop()
        elif self.function.limits.freeze:
            self.guest.freeze()
            self._frozen = True

    def _stop(self) -> None:
        self._told_to_end = True
        if self._ghosts:
            self.guest.kill()  # What does not end its calls will not end itself.
            return
        if self._frozen:
            self.guest.thaw()
        self.write(_STOP)
        self._kill_at = self._monotonic() + KILL_GRACE_S

    def _broken(self, error: WireError) -> None:
        if self._transport is None or self._transport.is_closing():
            return  # It is being killed; what it still says does not matter.
        sentence = f"the process broke the protocol: {error}"
        if not self.calls:
            self.speech.say(sentence, None)
        self.kill(Ending.BROKEN, sentence)

    def _bury(self, died: Died) -> None:
        if self.state is State.GONE:
            return
        sentence = sentence_of(died, memory_bytes=self.function.limits.memory_bytes)
        self.state = move(self.state, Signal.DIED)
        self._kill_at = None
        self._asks.stop()
        if not self.calls and not self._told_to_end:
            self.speech.say(sentence, None)
        self._end_calls(ending_of(died), sentence)
        if self.ahead is not None:
            self.ahead.close()
        self._gone(self)

    def _end_calls(self, ending: Ending, message: str) -> None:
        now = self._monotonic()
        self._give_back()
        begun = self.ahead.take() if self.ahead is not None else None
        if begun is not None:
            self._seat(begun, now)
        calls = tuple(self.calls.values())
        self.account.look_again()
        others = self.calls.values()
        usages = [self.account.settle(call, now, others=others) for call in calls]
        self.calls.clear()
        for call, usage in zip(calls, usages, strict=True):
            self._mourn(call, usage, ending, message)

    def _mourn(self, call: CallInProgress, usage: Usage, ending: Ending, message: str) -> None:
        ending, message = truth(call, ending, message)
        self.speech.mourn(call, ending, message)
        call.end(ending, usage, message)
