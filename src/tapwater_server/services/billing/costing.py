"""An invoker that wraps an invoker: answers say what they cost, where the function asked for that.

``Tapwater-Cost: 0.0000012 EUR`` is the call's price by our own tariff, at the first tier and
without grants or fees; ``Tapwater-Usage: ms=12, mb=256, cpu-ms=3, doc-reads=2`` is what it is for.
A streamed answer has sent its headers before it is known what it costs: it goes without.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from tapwater_server.model.invocation import Headers, Invocation, Outcome
from tapwater_server.model.pricing import cost_of
from tapwater_server.model.tariff import Tariff
from tapwater_server.model.usage import Counted, amounts
from tapwater_server.ports.invoker import Call, Exchange, Invoker
from tapwater_server.services.billing.shapes import money, number

COST, USAGE = b"tapwater-cost", b"tapwater-usage"


class Costed:
    """Calls of functions that did not ask for it pass as they are."""

    def __init__(self, inner: Invoker, *, tariff: Callable[[], Tariff]) -> None:
        self._inner, self._tariff = inner, tariff

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.function.cost_header:
            return self._inner.start(invocation, exchange)
        return self._inner.start(invocation, _Held(invocation, exchange, self._tariff))


class _Held:
    """Keeps a whole answer back until its end, which comes at once (INV-3)."""

    __slots__ = ("_answer", "_exchange", "_invocation", "_tariff", "body", "message")

    def __init__(
        self, invocation: Invocation, exchange: Exchange, tariff: Callable[[], Tariff]
    ) -> None:
        self._invocation, self._exchange, self._tariff = invocation, exchange, tariff
        self._answer: tuple[int, Headers, bytes] | None = None
        self.body = exchange.body
        self.message = exchange.message

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        own = [one for one in headers if one[0] not in (COST, USAGE)]  # Ours alone to say.
        if whole is None:
            self._exchange.answered(status, own, None)
        else:
            self._answer = (status, own, whole)

    def ended(self, outcome: Outcome) -> None:
        if self._answer is not None:
            status, headers, whole = self._answer
            said = cost_headers(self._invocation, outcome, self._tariff())
            self._exchange.answered(status, [*headers, *said], whole)
        self._exchange.ended(outcome)


def cost_headers(invocation: Invocation, outcome: Outcome, tariff: Tariff) -> Headers:
    """Write both headers. Pure."""
    said = _price(_counted(invocation, outcome), tariff)
    cost = f"{said['amount']} {said['currency']}"
    usage, limits = outcome.usage, invocation.function.limits
    parts = [
        f"ms={ceil(usage.wall_s * 1e3)}",
        f"mb={limits.memory_bytes >> 20}",
        f"cpu-ms={ceil(usage.cpu_s * 1e3)}",
    ]
    for name, amount in (invocation.used or {}).items():
        parts.append(f"{name.replace('_', '-')}={number(Decimal(repr(float(amount))))}")
    return [(COST, cost.encode()), (USAGE, ", ".join(parts).encode())]


def priced(call: Counted, *, tariff: Callable[[], Tariff]) -> Mapping[str, str]:
    """Say what a call cost that has been written down, as its headers would have said it."""
    return _price(call, tariff())


def _price(call: Counted, tariff: Tariff) -> Mapping[str, str]:
    used = {name: Decimal(repr(float(amount))) for name, amount in amounts(call).items()}
    return {"amount": money(cost_of(tariff, used)), "currency": tariff.currency}


@dataclass(slots=True, kw_only=True)
class _Counted:
    """What of a call counts, see ``model/usage.py``."""

    ending: str
    instance: str
    by_function: bool
    cold: bool
    queue_ms: float
    start_ms: float
    wall_ms: float
    cpu_ms: float
    memory_bytes: int
    memory_peak_bytes: int
    bytes_in: int
    bytes_out: int
    egress_bytes: int
    used: dict[str, float]


def _counted(invocation: Invocation, outcome: Outcome) -> _Counted:
    usage = outcome.usage
    return _Counted(
        ending=outcome.ending.value,
        instance=usage.instance,
        by_function=outcome.by_function,
        cold=usage.cold,
        queue_ms=usage.queue_s * 1e3,
        start_ms=usage.start_s * 1e3,
        wall_ms=usage.wall_s * 1e3,
        cpu_ms=usage.cpu_s * 1e3,
        memory_bytes=invocation.function.limits.memory_bytes,
        memory_peak_bytes=usage.memory_peak_bytes,
        bytes_in=usage.bytes_in,
        bytes_out=usage.bytes_out,
        egress_bytes=0,
        used=invocation.used or {},
    )
