"""Who hears what: both trees against the plain rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.services.mqtt.codec.reasons import BadPacket
from tapwater_server.services.mqtt.codec.topics import (
    LEVELS_MAX,
    Filter,
    check_filter,
    check_name,
    matches,
    parse_filter,
)
from tapwater_server.services.mqtt.tree import FilterTree, NameTree

LEVELS = st.sampled_from(["a", "b", "", "$SYS"])
NAMES = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = (
    st.tuples(st.lists(LEVELS | st.just("+"), max_size=4), st.sampled_from([[], ["#"]]))
    .map(lambda parts: "/".join([*parts[0], *parts[1]]))
    .filter(bool)
)


@given(st.sets(FILTERS), NAMES)
def test_filters_are_found_by_a_name(filters: set[str], name: str) -> None:
    tree: FilterTree[str] = FilterTree()
    for filter in filters:
        tree.add(filter, 1, filter)
    found = tree.match(name)
    assert sorted(found) == sorted(filter for filter in filters if matches(filter, name))


@given(st.sets(NAMES), FILTERS)
def test_names_are_found_by_a_filter(names: set[str], filter: str) -> None:
    tree: NameTree[str] = NameTree()
    for name in names:
        tree.put(name, name)
    found = tree.match(filter)
    assert sorted(found) == sorted(name for name in names if matches(filter, name))


@given(st.lists(FILTERS), st.lists(FILTERS))
def test_what_is_removed_leaves_nothing_behind(added: list[str], kept: list[str]) -> None:
    tree: FilterTree[str] = FilterTree()
    for filter in [*added, *kept]:
        tree.add(filter, "key", filter)
    for filter in added:
        tree.remove(filter, "key")
    left = set(kept) - set(added)
    assert {filter for filter in {*added, *kept} if tree.find(filter, "key")} == left
    for filter in left:
        assert tree.remove(filter, "key") == filter
    assert not tree._root.below


@given(st.sets(NAMES, min_size=1))
def test_names_that_are_removed_leave_nothing_behind(names: set[str]) -> None:
    tree: NameTree[str] = NameTree()
    for name in names:
        tree.put(name, name)
        tree.put(name, name)
    assert len(tree) == len(names)
    for name in names:
        assert tree.remove(name) == name
        assert tree.remove(name) is None
    assert not tree._root.below
    assert len(tree) == 0


@pytest.mark.parametrize("name", ["", "a/+", "#", "a\0", "x" * 5_000, "/" * LEVELS_MAX])
def test_bad_names(name: str) -> None:
    with pytest.raises(BadPacket):
        check_name(name)


@pytest.mark.parametrize(
    "filter", ["", "a/#/b", "a#", "a/b+", "+a", "#/a", "a\0", "$share/g", "$share//a", "$share/+/a"]
)
def test_bad_filters(filter: str) -> None:
    with pytest.raises(BadPacket):
        parse_filter(filter)


def test_good_ones() -> None:
    assert check_name("/") == "/"
    assert check_filter("+/+/#") == "+/+/#"
    assert parse_filter("$share/g//x/#") == Filter("g", "/x/#")
