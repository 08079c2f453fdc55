"""A tariff is checked whole: every mistake is told, with its place."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.errors import Invalid
from tapwater_server.model.tariff import UNITS, dimension_of, read_tariff
from tapwater_server.model.usage import QUANTITIES

HEAD = 'name = "ours"\nsays = "ours"\ncurrency = "EUR"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read_tariff(text, where="tariff.toml")
    return [one["where"] for one in caught.value.problems]


def test_a_price_is_read_as_a_decimal() -> None:
    text = HEAD + '[[price]]\nquantity = "calls"\nper = "1 million"\nprice = "0.10"\nfree = "1"\n'
    tariff = read_tariff(text, where="tariff.toml")
    assert tariff.prices[0].tiers[0].price == Decimal("0.10")
    assert tariff.prices[0].per == 1_000_000
    assert not tariff.is_free


@pytest.mark.parametrize(
    ("price", "where"),
    [
        ('quantity = "cals"\nper = "one"\nprice = "1"', "price[0].quantity"),
        ('quantity = "calls"\nper = "GiB"\nprice = "1"', "price[0].per"),
        ('quantity = "calls"\nper = "one"\nprice = 0.1', "price[0].price"),
        ('quantity = "calls"\nper = "one"\nprice = "-1"', "price[0].price"),
        ('quantity = "calls"\nper = "one"\nprice = "1e9"', "price[0].price"),
        ('quantity = "calls"\nper = "one"\nprice = "NaN"', "price[0].price"),
        ('quantity = "calls"\nper = "one"', "price[0]"),
        ('quantity = "calls"\nper = "one"\nprice = "1"\nfre = "1"', "price[0].fre"),
        ('quantity = "calls"\nper = "one"\ntiers = []', "price[0].tiers"),
        (
            'quantity = "calls"\nper = "one"\ntiers = [{ price = "1", up_to = "5" }]',
            "price[0].tiers",
        ),
        (
            'quantity = "calls"\nper = "one"\n'
            'tiers = [{ price = "1", up_to = "5" }, { price = "1", up_to = "4" }, { price = "1" }]',
            "price[0].tiers",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(price: str, where: str) -> None:
    assert problems(f"{HEAD}[[price]]\n{price}\n") == [where]


def test_all_mistakes_are_told_at_once() -> None:
    text = 'name = "Ours!"\nsays = 5\ncurrency = "euro"\nas_of = "2026"\nmonthly_fee = 5\nx = 1\n'
    wanted = ["x", "as_of", "name", "says", "currency", "monthly_fee"]
    assert problems(text) == wanted


def test_a_quantity_has_one_price() -> None:
    price = '[[price]]\nquantity = "calls"\nper = "one"\nprice = "1"\n'
    assert problems(HEAD + price + price) == ["price[1].quantity"]


def test_every_quantity_can_have_a_price() -> None:
    kinds = {of for _, of in UNITS.values()}
    assert {dimension_of(quantity) for quantity in QUANTITIES} <= kinds


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(Invalid, match=r"^t: "):
        read_tariff(text, where="t")
