"""One quantity of one call, without working out all of them: budgets want few, at every call."""

from collections.abc import Callable, Mapping

from tapwater_server.model.usage import Counted, flex_mb, is_billed, is_error, up, used_mb, vcpus

_MIB = 1 << 20

_OF_CALL: Mapping[str, Callable[[Counted], float]] = {
    "calls": lambda call: 1,
    "cold": lambda call: int(call.cold),
    "wall_ms": lambda call: call.wall_ms,
    "cpu_ms": lambda call: call.cpu_ms,
    "cpu_ms_1": lambda call: up(call.cpu_ms, 1),
    "queue_ms": lambda call: call.queue_ms,
    "start_ms": lambda call: call.start_ms,
    "mb_ms": lambda call: call.memory_bytes / _MIB * call.wall_ms,
    "mb_ms_1": lambda call: call.memory_bytes / _MIB * up(call.wall_ms, 1),
    "mb_ms_100": lambda call: call.memory_bytes / _MIB * up(call.wall_ms, 100),
    "mb_ms_used": lambda call: used_mb(call.memory_peak_bytes) * max(up(call.wall_ms, 1), 100),
    "mb_ms_flex": lambda call: flex_mb(call.memory_bytes / _MIB) * max(up(call.wall_ms, 100), 1000),
    "vcpu_ms_100": lambda call: vcpus(call.memory_bytes / _MIB) * up(call.wall_ms, 100),
    "bytes_in": lambda call: call.bytes_in,
    "bytes_out": lambda call: call.bytes_out,
    "egress_bytes": lambda call: call.egress_bytes,
}


class AmountsOf:
    """What ``usage.amounts()`` says of a call, one quantity at a time."""

    __slots__ = ("_billed", "_call")

    def __init__(self, call: Counted) -> None:
        self._call, self._billed = call, is_billed(call)

    def get(self, quantity: str, default: float, /) -> float:
        call = self._call
        amount = call.used.get(quantity, default)
        of_call = _OF_CALL.get(quantity)
        if of_call is not None:
            return amount + of_call(call) if self._billed else amount
        if quantity == "errors":
            return 1 if is_error(call.ending) else default
        return amount
