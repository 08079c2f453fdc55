"""The picture of the lines: never one too few, and it does not grow."""

from tapwater_server.backends.sqlite.bus_heads import Head, Heads


def test_a_line_is_named_when_it_is_ready_or_due() -> None:
    heads = Heads()
    heads.note([Head(line="a", ready=True), Head(line="b", ready=None, due=5.0)])
    assert heads.ready(1.0) == ["a"]
    assert heads.next_due() == 5.0
    assert heads.ready(5.0) == ["a", "b"]
    assert heads.next_due() is None


def test_a_look_at_the_whole_line_takes_back_what_was_known() -> None:
    heads = Heads()
    heads.note([Head(line="a", ready=True), Head(line="a", ready=None, due=3.0)])
    heads.note([Head(line="a", ready=False, due=9.0)])
    assert heads.ready(8.0) == []
    assert heads.next_due() == 9.0
    heads.note([Head(line="a", ready=False)])
    assert heads.ready(100.0) == []


def test_the_earliest_counts() -> None:
    heads = Heads()
    heads.note([Head(line="a", ready=None, due=at) for at in (7.0, 3.0, 5.0)])
    assert heads.next_due() == 3.0


def test_leases_far_in_the_future_do_not_pile_up() -> None:
    heads = Heads()
    for n in range(10_000):
        heads.note([Head(line="a", ready=False, due=1e9 + n), Head(line="b", ready=False, due=n)])
    assert len(heads._heap) < 3_000
    assert heads.next_due() == 9_999.0
