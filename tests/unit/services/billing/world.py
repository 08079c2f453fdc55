"""A month of use in memory, and the bills that are made of it."""

from collections.abc import Mapping
from decimal import Decimal

from tapwater_server.backends.memory.ledger import MemoryLedger
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.tariff import Price, Tariff, Tier
from tapwater_server.ports.meter import Record, Use
from tapwater_server.services.billing.bill import Bill, Bills, BillWanted
from tapwater_server.services.billing.month import Month, read_month
from tapwater_server.services.billing.shelf import Shelf

MONTH = read_month("2026-11")
PROJECTS = {"shop": "commerce", "till": "commerce", "blog": "press", "vast": "vast"}


def price(quantity: str, each: str, *, free: str = "0") -> Price:
    return Price(
        quantity=quantity, unit="one", tiers=(Tier(price=Decimal(each)),), free=Decimal(free)
    )


OURS = Tariff(
    name="ours",
    says="Ours.",
    currency="EUR",
    prices=(price("calls", "0.10", free="10"), price("doc_reads", "0.01")),
)
DEAR = Tariff(
    name="dear",
    says="Dear <cloud>",
    currency="USD",
    monthly_fee=Decimal(6),
    prices=(price("calls", "1"),),
)


class World:
    """Notes use; makes bills."""

    def __init__(self) -> None:
        self.meter = MemoryMeter()
        self.ledger = MemoryLedger(self.meter, project_of=PROJECTS.__getitem__)
        self.shelf = Shelf(own=[("", OURS)], read_shadows=lambda: [DEAR])
        self.bills = Bills(ledger=self.ledger, shelf=self.shelf)

    def call(
        self,
        app: str,
        function: str,
        count: int = 1,
        *,
        at: float = MONTH.since + 60,
        revision: str = "r1",
        user: str = "",
        used: Mapping[str, float] | None = None,
    ) -> None:
        for _ in range(count):
            self.meter.note(
                Record(
                    id="1",
                    at=at,
                    app=app,
                    function=function,
                    revision=revision,
                    method="GET",
                    path="/",
                    status=200,
                    ending="ok",
                    cold=False,
                    queue_ms=0.0,
                    wall_ms=1.0,
                    cpu_ms=1.0,
                    memory_peak_bytes=0,
                    memory_bytes=128 << 20,
                    bytes_in=0,
                    bytes_out=0,
                    instance="i",
                    user=user,
                    used=dict(used or {}),
                )
            )

    def use(self, app: str, quantity: str, amount: float, *, user: str = "") -> None:
        self.meter.use(
            Use(at=MONTH.since + 60, app=app, quantity=quantity, amount=amount, user=user)
        )

    async def bill(self, *by: str, month: Month = MONTH, **wanted: object) -> Bill:
        asked = BillWanted(month=month, by=by, **wanted)  # type: ignore[arg-type]
        return await self.bills.make(asked)


def costs(bill: Bill) -> dict[tuple[str, ...], str]:
    return {line.key: str(line.cost.normalize()) for line in bill.lines}
