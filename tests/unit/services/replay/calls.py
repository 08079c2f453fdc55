"""A function, calls of it and what they end as, for the tests of recording."""

from typing import Any

from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Usage, Verb

APP = AppId("shop")


def function(**changes: Any) -> Function:
    return Function(
        id=FunctionId(APP, "orders/total"),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file="orders/restful/total.py",
        group="orders",
        **changes,
    )


def call(of: Function | None = None, **changes: Any) -> Invocation:
    given = {"id": InvocationId("01"), "verb": Verb.HTTP, "path": "/orders-api/total", **changes}
    return Invocation(revision=RevisionId("r1"), function=of or function(), **given)


def outcome(ending: Ending = Ending.OK, message: str = "") -> Outcome:
    return Outcome(ending=ending, usage=Usage(queue_s=1.0, wall_s=2.0), message=message)
