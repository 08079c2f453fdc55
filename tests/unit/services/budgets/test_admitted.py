"""The door keeps its promises where a budget is in the way."""

from dataclasses import replace

import pytest

from tapwater_server.model.invocation import Ending, Headers, Outcome
from tapwater_server.services.budgets.admitted import Admitted
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker
from tests.unit.services.budgets.test_accounts import CALLS, World


class Kept:
    """An exchange that keeps how it ended."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        """The door's business."""

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None:
        """The door's business."""

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def answers(call: ScriptedCall) -> None:
    call.answer(200)


@pytest.mark.parametrize("limit", [0, 1])
def test_a_call_ends_once_and_what_is_done_to_one_that_was_refused_does_nothing(
    limit: float,
) -> None:
    world, inner, exchange = World(), ScriptedInvoker(answers), Kept()
    world.put(replace(CALLS, limit=1))
    invocation = world.begin()
    assert invocation is not None
    world.end(invocation)
    world.accounts.change(replace(CALLS, limit=1 + limit))
    call = Admitted(inner, accounts=world.accounts).start(invocation, exchange)
    assert call.feed(b"more", last=True)
    assert call.send("hello")
    call.when_writable(lambda: None)
    call.resume()
    call.cancel("gone")
    [outcome] = exchange.outcomes
    if limit:
        assert outcome.ending is Ending.OK
    else:
        assert outcome.ending is Ending.BUDGET
        assert outcome.retry_after_s > 0
        assert "'calls' of the app shop" in outcome.message
        assert not inner.calls


def test_without_budgets_it_is_as_if_it_were_not_there() -> None:
    world, inner, exchange = World(), ScriptedInvoker(answers), Kept()
    invocation = world.begin()
    assert invocation is not None
    Admitted(inner, accounts=world.accounts).start(invocation, exchange)
    assert inner.calls[0].invocation is invocation
