"""Answers of functions that ask for it say what they cost; streams and others go as they are."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InstanceId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage, Verb
from tapwater_server.model.tariff import Price, Tariff, Tier
from tapwater_server.services.billing.costing import cost_headers

FUNCTION = Function(
    id=FunctionId(AppId("shop"), "orders/take"),
    kind=Kind.RESTFUL,
    style=Style.VERBS,
    file="a.py",
    group="orders",
    limits=FunctionLimits(memory_bytes=256 << 20),
    cost_header=True,
)
TARIFF = Tariff(
    name="ours",
    says="ours",
    currency="EUR",
    monthly_fee=Decimal(5),
    prices=(
        Price(quantity="calls", unit="1 million", tiers=(Tier(price=Decimal("0.20")),)),
        Price(quantity="mb_ms_1", unit="GiB-second", tiers=(Tier(price=Decimal("0.00002")),)),
        Price(
            quantity="doc_reads",
            unit="1 million",
            tiers=(Tier(price=Decimal(1)),),
            free=Decimal(1000),
        ),
    ),
)


def call(used: dict[str, float] | None = None) -> Invocation:
    return Invocation(
        id=InvocationId("1"),
        revision=RevisionId("r"),
        function=FUNCTION,
        verb=Verb.HTTP,
        used=used,
    )


def outcome() -> Outcome:
    usage = Usage(instance=InstanceId("i"), wall_s=0.0114, cpu_s=0.0021)
    return Outcome(ending=Ending.OK, usage=usage)


def test_the_headers_say_cost_and_use() -> None:
    # 1 call: 0.20 / 1,000,000 = 0.0000002
    # 12 ms x 0.25 GiB = 0.003 GiB-s x 0.00002 = 0.00000006
    # 2 reads x 1 / 1,000,000 = 0.000002; grants and fees are the month's, not the call's
    said = dict(cost_headers(call({"doc_reads": 2.0}), outcome(), TARIFF))
    assert said[b"tapwater-cost"] == b"0.00000226 EUR"
    assert said[b"tapwater-usage"] == b"ms=12, mb=256, cpu-ms=3, doc-reads=2"


def test_a_call_that_never_ran_costs_nothing() -> None:
    refused = Outcome(ending=Ending.OVERLOADED, usage=Usage())
    assert dict(cost_headers(call(), refused, TARIFF))[b"tapwater-cost"] == b"0 EUR"


class Seen:
    def __init__(self) -> None:
        self.headers: Headers | None = None
        self.ends = 0

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self.headers = headers

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None: ...

    def ended(self, outcome: Outcome) -> None:
        self.ends += 1


@pytest.mark.parametrize(
    ("asks", "whole", "told"), [(True, b"x", True), (True, None, False), (False, b"x", False)]
)
def test_only_whole_answers_of_who_asked_carry_them(
    asks: bool, whole: bytes | None, told: bool
) -> None:
    from tapwater_server.services.billing.costing import Costed
    from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker

    def script(running: ScriptedCall) -> None:
        headers = [(b"tapwater-cost", b"a lie"), (b"x-a", b"b")] if asks else [(b"x-a", b"b")]
        if whole is not None:
            running.answer(200, headers, whole)
        else:
            running.begin(200)
            running.piece(b"x")
            running.end(Ending.OK)

    seen, asked = Seen(), call()
    asked.function = replace(FUNCTION, cost_header=asks)
    Costed(ScriptedInvoker(script, room=1), tariff=lambda: TARIFF).start(asked, seen)
    assert seen.ends == 1
    assert seen.headers is not None
    named = [name for name, _ in seen.headers]
    assert (named.count(b"tapwater-cost"), named.count(b"tapwater-usage")) == (told, told)
