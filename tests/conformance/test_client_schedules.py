"""What the client of schedules does, against the fake and against a real platform."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from tapwater.services.schedules import Schedules
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.schedules import FakeSchedules
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeSchedules()
        return
    with shop_over_http(tmp_path_factory.mktemp("schedules")) as over_http:
        yield over_http


@pytest.fixture
def schedules(transport: Transport) -> Schedules:
    return Schedules(transport)


@pytest.fixture
def name() -> str:
    return f"s-{next(_NUMBERS):03d}"


def test_made_shown_changed_removed(schedules: Schedules, name: str) -> None:
    made = schedules.set(
        name, "0 3 * * mon-fri", target="queue:emails", payload={"a": [1]}, tz="Europe/Berlin"
    )
    assert (made.name, made.target, made.payload) == (name, "queue:emails", {"a": [1]})
    assert (made.missed, made.overlap, made.paused) == ("once", "skip", False)
    assert schedules.get(name) == made
    changed = schedules.set(
        name, "every 90s", target="event:shop.closed", missed="all", overlap="wait"
    )
    assert (changed.times, changed.missed, changed.payload) == ("every 90s", "all", None)
    schedules.remove(name)
    with pytest.raises(ServiceError) as refused:
        schedules.get(name)
    assert (refused.value.code, refused.value.status) == ("not_found", 404)


@pytest.mark.parametrize("at", [datetime(2099, 1, 31, 9, tzinfo=UTC), "2099-01-31T10:00:00"])
def test_once(schedules: Schedules, name: str, at: datetime | str) -> None:
    made = schedules.once(name, at, target="function:jobs/clean", tz="Europe/Berlin")
    assert made.times == ""
    assert made.at is not None
    assert made.at.startswith("2099-01-31T")


def test_listed_by_name_page_by_page(schedules: Schedules, name: str) -> None:
    names = [f"{name}-{letter}" for letter in "cab"]
    for each in names:
        schedules.set(each, "@daily", target="topic:news")
    first = schedules.all(after=name, limit=2)
    assert [one.name for one in first] == [f"{name}-a", f"{name}-b"]
    [third, *_] = schedules.all(after=first[-1].name)
    assert third.name == f"{name}-c"


def test_paused_resumed_run(schedules: Schedules, name: str) -> None:
    schedules.set(name, "0 0 1 1 *", target="event:a.b")
    assert schedules.pause(name).paused
    assert schedules.pause(name).next is None
    assert not schedules.resume(name).paused
    assert schedules.run(name) != schedules.run(name)
    with pytest.raises(ServiceError, match="has no schedule"):
        schedules.run("no-such")


@pytest.mark.parametrize(
    ("times", "more"),
    [
        ("* * *", {}),
        ("nonsense", {}),
        ("0 3 * * *", {"target": "nobody"}),
        ("0 3 * * *", {"missed": "sometimes"}),
        ("0 3 * * *", {"overlap": "perhaps"}),
        ("", {}),
    ],
)
def test_what_is_wrong_is_refused(
    schedules: Schedules, name: str, times: str, more: dict[str, str]
) -> None:
    with pytest.raises(ServiceError) as refused:
        schedules.set(name, times, **{"target": "queue:q", **more})  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.status) == ("invalid", 400)
    with pytest.raises(ServiceError):
        schedules.get(name)


@pytest.mark.parametrize("bad", ["-", "a b", "x" * 81, "ü"])
def test_bad_names(schedules: Schedules, bad: str) -> None:
    with pytest.raises(ServiceError) as refused:
        schedules.set(bad, "@daily", target="queue:q")
    assert refused.value.code == "invalid"


def test_preview_says_what_is_wrong(schedules: Schedules) -> None:
    assert isinstance(schedules.preview("*/5 * * * *", tz="Europe/Berlin"), list)
    with pytest.raises(ServiceError, match="not a schedule"):
        schedules.preview("* * *")
