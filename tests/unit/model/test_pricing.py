"""Grants, tiers and fees are shared out so that lines always add up to the total."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.pricing import FEE, Used, add, cost_of, merge, price_month
from tapwater_server.model.tariff import Price, Tariff, Tier

D = Decimal


def tariff(*prices: Price, fee: str = "0") -> Tariff:
    return Tariff(name="t", says="t", currency="EUR", prices=prices, monthly_fee=D(fee))


CALLS = Price(quantity="calls", unit="one", tiers=(Tier(price=D("0.10")),), free=D(100))
READS = Price(
    quantity="doc_reads",
    unit="1 thousand",
    tiers=(Tier(price=D(2), up_to=D(10)), Tier(price=D(1))),
)


def used(key: str, *, party: str = "p", **amounts: int) -> Used:
    return Used(party=party, key=(key,), amounts={name: D(n) for name, n in amounts.items()})


def test_a_grant_is_given_once_and_shared_by_use() -> None:
    # 300 calls, 100 of them free: 200 x 0.10 = 20, shared 1 : 2.
    a, b = price_month(tariff(CALLS), [used("a", calls=100), used("b", calls=200)])
    assert a.cost == D("6.666666666667") or a.cost == D("6.666666666666")
    assert a.cost + b.cost == 20
    assert a.items[0].free + b.items[0].free == 100


def test_each_project_has_a_grant_of_its_own() -> None:
    lines = price_month(
        tariff(CALLS), [used("a", party="x", calls=100), used("a", party="y", calls=100)]
    )
    assert [line.cost for line in lines] == [0, 0]
    assert [line.cost for line in merge(lines)] == [0]


def test_tiers_begin_after_the_grant_and_fill_up_in_order() -> None:
    # 25,000 reads: the first 10 thousand at 2, the other 15 at 1: 20 + 15 = 35.
    (line,) = price_month(tariff(READS), [used("a", doc_reads=25_000)])
    assert line.cost == 35


def test_a_fee_is_shared_by_calls_and_due_only_when_something_was_used() -> None:
    a, b = price_month(tariff(fee="5"), [used("a", calls=1), used("b", calls=4)])
    assert [a.cost, b.cost] == [1, 4]
    assert a.items[0].quantity == FEE
    assert price_month(tariff(fee="5"), [used("a", calls=0)])[0].cost == 0
    (stored,) = price_month(tariff(fee="5"), [used("a", doc_byte_hours=7)])
    assert stored.cost == 5


def test_one_call_is_priced_without_grants() -> None:
    assert cost_of(tariff(CALLS, READS), {"calls": D(1), "doc_reads": D(3)}) == D("0.106")


uses = st.lists(
    st.builds(
        lambda key, party, calls, reads: used(key, party=party, calls=calls, doc_reads=reads),
        st.sampled_from("abcdef"),
        st.sampled_from("xy"),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
    ),
    max_size=12,
)


@given(uses)
def test_lines_add_up_to_what_the_parties_owe(given_uses: list[Used]) -> None:
    prices = tariff(CALLS, READS, fee="4.99")
    whole = []
    for party in {one.party for one in given_uses}:
        mine = [one.amounts for one in given_uses if one.party == party]
        sums = {name: add(each[name] for each in mine) for name in ("calls", "doc_reads")}
        whole.append(Used(party=party, key=(), amounts=sums))
    lines = price_month(prices, given_uses)
    assert add(line.cost for line in lines) == add(line.cost for line in price_month(prices, whole))
    assert all(item.cost >= 0 for line in lines for item in line.items)
    assert add(line.cost for line in merge(lines)) == add(line.cost for line in lines)


@given(uses, st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(given_uses: list[Used], random: object) -> None:
    prices = tariff(CALLS, READS)
    there = add(line.cost for line in price_month(prices, given_uses))
    back = add(line.cost for line in price_month(prices, given_uses[::-1]))
    assert there == back
