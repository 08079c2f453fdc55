"""Adding up by the group gives what adding up each call by itself gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.backends.sqlite import adding
from tapwater_server.backends.sqlite.adding import Added, merge
from tapwater_server.model.usage import amounts
from tapwater_server.ports.ledger import DAY_S, HOUR_S, Line
from tapwater_server.ports.meter import Record, Use

MB = 1 << 20
ms = st.floats(0, 1e7, allow_nan=False)

calls = st.builds(
    Record,
    id=st.just("id"),
    at=st.floats(0, 20_000),
    app=st.sampled_from(["a", "b"]),
    function=st.sampled_from(["f", "g"]),
    revision=st.just("r"),
    method=st.just("GET"),
    path=st.just("/"),
    status=st.just(200),
    ending=st.sampled_from(["ok", "cancelled", "user_error", "overloaded", "start_failed"]),
    cold=st.booleans(),
    queue_ms=ms,
    wall_ms=ms,
    cpu_ms=ms,
    memory_peak_bytes=st.integers(0, 5000 * MB),
    bytes_in=st.integers(0, 1 << 40),
    bytes_out=st.integers(0, 1 << 40),
    instance=st.sampled_from(["", "i"]),
    user=st.sampled_from(["", "ada", "bob"]),
    memory_bytes=st.sampled_from([128 * MB, 300 * MB, 4096 * MB]),
    start_ms=ms,
    egress_bytes=st.integers(0, 1 << 40),
    used=st.dictionaries(st.sampled_from(["doc_reads", "mails"]), st.floats(0, 100)),
    by_function=st.booleans(),
)


@given(st.lists(calls, max_size=20))
def test_a_group_is_the_sum_of_its_calls(records: list[Record]) -> None:
    added = Added(project_of=str.upper)
    added.records(records)
    added.settle()
    sums: dict[Line, dict[str, float]] = {}
    users: dict[Line, dict[str, float]] = {}
    for one in records:
        hour = int(one.ended_at // HOUR_S) * HOUR_S
        line = Line(hour, one.app.upper(), one.app, one.function, one.revision)
        merge(sums.setdefault(line, {}), amounts(one))
        if one.user:
            day = Line(hour // DAY_S * DAY_S, one.app.upper(), one.app, user=one.user)
            merge(users.setdefault(day, {}), amounts(one))
    assert set(added.sums) == set(sums)
    assert set(added.users) == set(users)
    for found, expected in ((added.sums, sums), (added.users, users)):
        for line, amount in expected.items():
            assert _nonzero(found[line]) == pytest.approx(_nonzero(amount), rel=1e-9, abs=1e-6)
    assert sum(tally.calls for tally in added.tallies.values()) == len(records)


def _nonzero(found: dict[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in found.items() if amount}


def test_sums_of_sums() -> None:
    one, other = Added(project_of=str), Added(project_of=str)
    one.uses([Use(at=10.0, app="a", quantity="mails", amount=2, user="ada")])
    other.uses([Use(at=20.0, app="a", quantity="mails", amount=3, user="ada")])
    other.uses([Use(at=20.0, app="a", quantity="mails", amount=5, within="a call")])
    one.add(other)
    assert dict(one.sums) == {Line(0, "a", "a"): {"mails": 5}}
    assert dict(one.users) == {Line(0, "a", "a", user="ada"): {"mails": 5}}


def test_a_disk_that_is_full_for_days_costs_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others are counted together then, and the amounts are still those of all."""
    monkeypatch.setattr(adding, "LINES_MAX", 50)
    monkeypatch.setattr(adding, "USERS_CALLS_MAX", 20)
    added = Added(project_of=str.upper)
    for n in range(3_000):
        one = Record(
            id=f"{n}",
            at=n * 60.0,
            app="a",
            function="f",
            revision="r",
            method="GET",
            path="/",
            status=200,
            ending="ok",
            cold=False,
            queue_ms=0.0,
            wall_ms=1.0,
            cpu_ms=0.0,
            memory_peak_bytes=0,
            bytes_in=1,
            bytes_out=0,
            instance="i",
            user=f"user-{n}",
            route=f"/route-{n}",
        )
        added.records([one])
        added.uses([Use(at=n * 60.0, app="a", quantity="mails", amount=1, user=f"other-{n}")])
        assert added.pending <= 21
    added.settle()
    assert max(len(added.sums), len(added.users), len(added.tallies)) <= 50 + 60
    for found in (added.sums, added.users):
        assert sum(one.get("calls", 0) for one in found.values()) == 3_000
        assert sum(one.get("mails", 0) for one in found.values()) == 3_000
    assert sum(one.calls for one in added.tallies.values()) == 3_000
