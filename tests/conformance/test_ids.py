"""What ports/ids.py promises."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tapwater_server.backends.system import SystemClock, SystemIds
from tapwater_server.ports.ids import IdSource
from tapwater_server.testing.clock import CountingIds

SOURCES: dict[str, Callable[[], IdSource]] = {"system": SystemIds, "counting": CountingIds}
_CHILD = (
    "from tapwater_server.backends.system import SystemIds\n"
    "ids = SystemIds()\n"
    "print(*[ids.fresh() for _ in range(1000)])"
)


@pytest.fixture(params=SOURCES)
def ids(request: pytest.FixtureRequest) -> IdSource:
    return SOURCES[request.param]()


def test_ids_1_never_the_same_twice(ids: IdSource) -> None:
    made = [ids.fresh() for _ in range(50_000)]
    assert len(set(made)) == len(made)
    assert {len(id) for id in made} == {26}


def test_ids_1_not_in_two_processes_either() -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", _CHILD], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    made = [id for child in children for id in child.communicate()[0].split()]
    assert [child.returncode for child in children] == [0, 0]
    assert len(set(made)) == 2000


def test_ids_2_later_sorts_later(ids: IdSource) -> None:
    made = [ids.fresh() for _ in range(5000)]
    assert made == sorted(made)


async def test_ids_2_across_sources_to_the_millisecond() -> None:
    clock = SystemClock()
    made = []
    for _ in range(5):
        made.append(SystemIds().fresh())
        await clock.sleep(0.002)
    assert made == sorted(made)


def test_an_id_is_crockford_s_base_32(ids: IdSource) -> None:
    assert set(ids.fresh()) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_chance_lies_between_zero_and_one(ids: IdSource) -> None:
    drawn = [ids.chance() for _ in range(10_000)]
    assert min(drawn) >= 0
    assert max(drawn) < 1
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


def test_a_secret_has_32_bytes_and_is_url_safe(ids: IdSource) -> None:
    first, second = ids.secret(), ids.secret()
    assert first != second
    assert len(first) >= 43
    assert first.replace("-", "").replace("_", "").isalnum()
