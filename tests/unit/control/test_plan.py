"""Plans: which names move, what goes back where, what may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.control.layout import Found
from tapwater_server.control.plan import (
    Desired,
    expendable,
    plan,
    refused_hosts,
    resolve_weights,
    rollback_target,
    to_percents,
)
from tapwater_server.control.toml import AppFile
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Alias, Kind, Revision
from tapwater_server.model.ids import AppId, RevisionId

SHOP = AppId("shop")


def revisions(*numbers: int) -> list[Revision]:
    return [
        Revision(
            id=RevisionId(f"id{number}"),
            app=SHOP,
            number=number,
            created_at=0.0,
            bundle="",
            layer="",
            python="",
            functions=(),
        )
        for number in sorted(numbers, reverse=True)
    ]


def alias(name: str, **weights: int) -> Alias:
    return Alias(app=SHOP, name=name, weights={RevisionId(id): w for id, w in weights.items()})


def planned(*known: Alias, name: str = "live", traffic: bool = True) -> dict[str, dict[str, int]]:
    found = Found(name="a", group="", file="restful/a.py", kind=Kind.RESTFUL, path="/a")
    file = AppFile(defaults={"memory": "1GB"}, functions={"a": {"memory": "2GB"}})
    desired = Desired(app=SHOP, functions=(found,), file=file, peeked={"a": {"cpu": 1}})
    steps = plan(
        desired,
        revision=RevisionId("new"),
        alias=name,
        traffic=traffic,
        aliases=known,
        default_app=None,
    )
    assert steps.preparing[0].sources == ({"memory": "1GB"}, {"memory": "2GB"})
    assert steps.preparing[0].peeked == {"cpu": 1}
    assert steps.becomes_default
    return {
        one.name: {str(id): weight for id, weight in one.weights.items()} for one in steps.aliases
    }


def test_the_alias_moves() -> None:
    assert planned(alias("live", id1=100)) == {"live": {"new": 100}}
    assert planned(alias("live", id1=100), name="canary") == {"canary": {"new": 100}}


def test_without_traffic_nothing_moves_but_a_first_deploy_lives() -> None:
    assert planned(alias("live", id1=100), traffic=False) == {}
    assert planned(traffic=False) == {"live": {"new": 100}}
    assert planned(name="canary") == {"canary": {"new": 100}, "live": {"new": 100}}


def test_weights_by_number_and_by_name() -> None:
    there = revisions(1, 2, 3)
    named = [alias("live", id1=50, id2=50)]
    assert resolve_weights({"3": 90, "r1": 10}, there, named) == {"id3": 90, "id1": 10}
    assert resolve_weights({"live": 90, "3": 10}, there, named) == {"id1": 45, "id2": 45, "id3": 10}


@pytest.mark.parametrize("weights", [{"1": 90}, {"1": 110, "2": -10}, {}, {"1": 101}])
def test_weights_are_percents(weights: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        resolve_weights(weights, revisions(1, 2), [])


def test_weights_point_at_what_is_there() -> None:
    with pytest.raises(NotFound):
        resolve_weights({"9": 100}, revisions(1), [])


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20))
def test_rounded_shares_sum_to_a_hundred(parts: list[int]) -> None:
    shares = {RevisionId(str(n)): part * 100 / sum(parts) for n, part in enumerate(parts)}
    percents = to_percents(shares)
    assert sum(percents.values()) == 100
    assert all(abs(percents.get(id, 0) - share) <= 1 for id, share in shares.items())


def test_rolling_back() -> None:
    there = revisions(1, 2, 4, 5)
    assert rollback_target(there, alias("live", id5=100), None) == "id4"
    assert rollback_target(there, alias("live", id5=90, id2=10), None) == "id1"
    assert rollback_target(there, alias("live", id5=100), 2) == "id2"
    for live, to in ((alias("live", id1=100), None), (None, None), (alias("live", id1=100), 3)):
        with pytest.raises(NotFound):
            rollback_target(there, live, to)


def test_what_may_go() -> None:
    there = revisions(1, 2, 3, 4, 5)
    named = [alias("live", id1=100), alias("canary", id4=100)]
    assert [one.number for one in expendable(there, named, kept_max=3)] == [2, 3]
    assert expendable(there, named, kept_max=5) == []
    assert [one.number for one in expendable(there, named, kept_max=0)] == [2, 3, 5]


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("shop.example", True),
        ("example.localhost.net", True),
        ("notlocalhost", True),
        ("localhost", False),
        ("blog.localhost", False),
        ("r1--blog.localhost", False),
        ("127.0.0.1", False),
        ("10.1", False),
        ("blog.example", False),
    ],
)
def test_an_app_cannot_take_the_names_of_the_platform_or_of_others(host: str, fine: bool) -> None:
    """With 127.0.0.1 in its hosts an app was sent the admin's token instead of the control API."""
    taken = {"blog.example": AppId("blog")}
    assert (refused_hosts([host], domain="localhost", taken=taken) == []) is fine
