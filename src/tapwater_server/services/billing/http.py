"""Serves bills and tariffs: /bills and /tariffs below the node's own API."""

from collections.abc import Sequence
from typing import Any

from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter
from tapwater_server.ports.registry import Registry
from tapwater_server.services.billing.bill import DIMENSIONS, Bill, Bills, BillWanted, check_by
from tapwater_server.services.billing.comparing import DAYS_MAX, Comparing
from tapwater_server.services.billing.month import Month, month_at, read_month
from tapwater_server.services.billing.page import HEADERS, bill_page
from tapwater_server.services.billing.shapes import bill_csv, bill_says, side_says, tariff_says
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.node import app_in_query

Said = dict[str, Any]
_FORMATS = ("json", "csv", "html")
_ALL = "all"


class BillingApi:
    """Translates; ``Bills`` and ``Comparing`` do the work."""

    def __init__(
        self,
        *,
        bills: Bills,
        comparing: Comparing,
        registry: Registry,
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._bills, self._comparing, self._registry = bills, comparing, registry
        self._meter, self._clock = meter, clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/bills",
                says="The bill of a month, as JSON, CSV or a page to print.",
                handler=self._bill,
                who=Who.HOLDER,
                query={
                    "month": "2026-11; usually the present one",
                    "by": f"what makes a line, with commas between: {', '.join(DIMENSIONS)}",
                    "as": "whose prices; all: ours, and what each line would cost elsewhere",
                    "app": "only this app",
                    "project": "only this project",
                    "function": "only this function",
                    "format": "json, csv or html",
                },
            ),
            Endpoint(
                method="GET",
                path="/bills/compare",
                says="Two revisions of a function: cost and latency of a call.",
                handler=self._compare,
                who=Who.HOLDER,
                query={
                    "app": "which app",
                    "function": "which function: group/name",
                    "a": "a revision",
                    "b": "another",
                    "days": f"how far back, up to {DAYS_MAX}; usually 30",
                },
            ),
            Endpoint(
                method="GET",
                path="/tariffs",
                says="The tariffs there are, with their prices, dates and sources.",
                handler=self._tariffs,
                who=Who.HOLDER,
                query={"month": "ours as it was then"},
            ),
        )

    async def _bill(self, asked: Asked) -> Any:
        app, project = app_in_query(asked), asked.text("project")
        form = asked.text("format") or "json"
        if form not in _FORMATS:
            raise Invalid(f"format is one of {', '.join(_FORMATS)}")
        priced = asked.text("as") or ""
        await self._meter.flush()  # What was called a moment ago is on it.
        bill = await self._bills.make(
            BillWanted(
                month=self._month(asked),
                by=check_by((asked.text("by") or "app,function").split(",")),
                tariff="" if priced == _ALL else priced,
                app=app,
                project=project,
                function=asked.text("function"),
                with_shadows=priced == _ALL,
            )
        )
        if form == "html":
            return Answer(bill_page(bill), headers=HEADERS)
        if form == "csv":
            name = f"bill-{bill.wanted.month.name}.csv"
            headers = {
                "content-type": "text/csv; charset=utf-8",
                "content-disposition": f'attachment; filename="{name}"',
            }
            return Answer(bill_csv(bill), headers=headers)
        return {**bill_says(bill), "revisions": self._numbers(bill)}

    def _numbers(self, bill: Bill) -> dict[str, int]:
        """The numbers of the revisions that lines name, for people: ids say nothing to them."""
        if "revision" not in bill.wanted.by:
            return {}
        place = bill.wanted.by.index("revision")
        named = {line.key[place] for line in bill.lines}
        apps = self._registry.apps() if bill.wanted.app is None else [AppId(bill.wanted.app)]
        return {
            revision.id: revision.number
            for app in apps
            for revision in self._registry.revisions(app)
            if revision.id in named
        }

    async def _compare(self, asked: Asked) -> Said:
        app = _one_app(asked)
        function, a, b = (asked.text(name) for name in ("function", "a", "b"))
        if function is None or a is None or b is None:
            raise Invalid("say function=, a= and b=")
        await self._meter.flush()
        days = asked.number("days", low=0.01, high=DAYS_MAX) or 30.0
        sides = [
            await self._comparing.side(app, function, revision, days=days) for revision in (a, b)
        ]
        return {
            "app": app,
            "function": function,
            "days": days,
            "currencies": {
                tariff.name: tariff.currency
                for tariff in self._bills.shelf.all(month_at(self._clock.now()).name)
            },
            "revisions": [side_says(side) for side in sides],
        }

    async def _tariffs(self, asked: Asked) -> Said:
        found = self._bills.shelf.all(self._month(asked).name)
        return {"tariffs": [tariff_says(tariff) for tariff in found]}

    def _month(self, asked: Asked) -> Month:
        said = asked.text("month")
        return read_month(said) if said else month_at(self._clock.now())


def _one_app(asked: Asked) -> AppId:
    app = app_in_query(asked)
    if app is None:
        raise Invalid("say app=")
    return app
