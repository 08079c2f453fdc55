"""What may be a budget, and what is told apart before it is kept."""

import pytest

from tapwater_server.model.budget import Budget, Does
from tapwater_server.model.errors import Invalid
from tapwater_server.model.tariff import FREE
from tapwater_server.services.budgets.drafting import BudgetAsked, StepAsked, budget_of
from tapwater_server.services.budgets.prices import ListPrices

PRICES = ListPrices(lambda: FREE)


def made(**said: object) -> Budget:
    asked = BudgetAsked(limit=5.0, unit="calls", **said)  # type: ignore[arg-type]
    return budget_of(asked, name="b", prices=PRICES, by_admin=True, set_by="admin")


def test_mails_are_kept_as_they_can_be_sent() -> None:
    budget = made(mails=[" Ada@Example.com ", "ada@example.com"])
    assert budget.mails == ("ada@example.com",)


@pytest.mark.parametrize(
    "mail", ["nobody", "a\0@b.example", "a@b.example\r\nbcc: x@y.example", "a..b@c.example", "@b"]
)
def test_mail_that_could_not_be_sent_is_refused(mail: str) -> None:
    with pytest.raises(Invalid):
        made(mails=[mail])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://host:99999/",
        "http://host:0/",
        "http://[::1",
        "https://",
        "http://a/\r\nx: y",
        "http://bücher.example/",
    ],
)
def test_what_nothing_can_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        made(webhooks=[url])


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf"), 1e19])
def test_a_limit_is_a_number_that_can_be_reached(limit: float) -> None:
    asked = BudgetAsked(limit=limit, unit="calls")
    with pytest.raises(Invalid):
        budget_of(asked, name="b", prices=PRICES, by_admin=True, set_by="")


def test_it_slows_before_it_refuses() -> None:
    steps = [StepAsked(at=90, does=Does.SLOW), StepAsked(at=100, does=Does.REFUSE)]
    assert [step.does for step in made(steps=steps).steps] == [Does.SLOW, Does.REFUSE]
    with pytest.raises(Invalid, match="slows before it refuses"):
        made(steps=[StepAsked(at=90, does=Does.SLOW), StepAsked(at=80, does=Does.REFUSE)])
