"""What calls use: read from the guest's process from outside, and shared out between them."""

from collections.abc import Collection

from tapwater_server.instances.call import CallInProgress
from tapwater_server.model.ids import InstanceId
from tapwater_server.model.invocation import Usage
from tapwater_server.ports.sandbox import Guest

MEMORY_LOOK_S = 0.25  # Reading a guest's memory costs as much as a call: not after each.


class Account:
    """The meter of one instance."""

    __slots__ = ("_cpu_s", "_guest", "_instance", "_memory_at", "_peak_bytes", "_seats", "start_s")

    def __init__(self, guest: Guest, *, instance: InstanceId, seats: int) -> None:
        self._guest, self._instance, self._seats = guest, instance, seats
        self._cpu_s = guest.cpu_s()
        self._memory_at = -MEMORY_LOOK_S
        self._peak_bytes = 0
        self.start_s = 0.0  # how long it took until the instance was there

    def share(self, calls: Collection[CallInProgress]) -> None:
        """Before another call sits down: what was used so far belongs to those here."""
        cpu_s = self._guest.cpu_s()
        used, self._cpu_s = (cpu_s - self._cpu_s) / len(calls), cpu_s
        for call in calls:
            call.cpu_s += used

    def look_again(self) -> None:
        """It is dying: the next to ask is told the last peak."""
        self._memory_at = -MEMORY_LOOK_S

    def settle(
        self, call: CallInProgress, now: float, *, others: Collection[CallInProgress]
    ) -> Usage:
        """A call has ended: say what it used."""
        cpu_s = self._guest.cpu_s()
        used = cpu_s - self._cpu_s
        self._cpu_s = cpu_s
        if others:
            used /= len(others) + 1
            for other in others:
                other.cpu_s += used
        if now - self._memory_at >= MEMORY_LOOK_S:
            self._memory_at = now
            self._peak_bytes = self._guest.memory_peak_bytes()
        invocation = call.invocation
        sender, receiver, whole = call.sender, call.receiver, call.whole
        cold = call.waited and call.number <= self._seats
        queue_s = call.seated_at - invocation.arrived_at if invocation.arrived_at else 0.0
        return Usage(
            cold=cold,
            instance=self._instance,
            queue_s=queue_s,
            start_s=min(self.start_s, queue_s) if cold else 0.0,
            wall_s=now - call.seated_at,
            cpu_s=call.cpu_s + used,
            memory_peak_bytes=self._peak_bytes,
            bytes_in=len(invocation.body) + (sender.sent_bytes if sender is not None else 0),
            bytes_out=len(whole) if whole else receiver.received_bytes if receiver else 0,
        )
