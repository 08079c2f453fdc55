"""What the client of the cache does, against the fake and against a real platform."""

from collections.abc import Iterator
from itertools import count

import pytest

from tapwater.services.cache import Cache, LockHeld
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.cache import FakeCache
from tests.conformance.client_transport import shop_over_http

_NUMBERS = count(1)


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeCache()
        return
    with shop_over_http(tmp_path_factory.mktemp("cache")) as over_http:
        yield over_http


@pytest.fixture
def cache(transport: Transport) -> Cache:
    return Cache(transport)


@pytest.fixture
def key() -> str:
    return f"k{next(_NUMBERS)}"


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None]}, None, 0, "", "ü", True, b"", b"\x00\xff"])
def test_any_value_comes_back_as_it_was(cache: Cache, key: str, value: object) -> None:
    cache.set(key, value)
    assert cache.get_many([key, f"{key}-no"]) == {key: value}
    assert cache.look([key])[key].ttl is None
    assert cache.delete(key)
    assert not cache.delete(key)
    assert cache.get(key, "default") == "default"


@pytest.mark.parametrize("odd", ["a/b c", "a//b", "a/", "/a", "ü?#&=%2F", "-/get", "x" * 512])
def test_odd_keys(cache: Cache, odd: str) -> None:
    cache.set(odd, 1)
    assert cache.get(odd) == 1
    assert cache.delete(odd)


@pytest.mark.parametrize("bad", ["x" * 513, "a\nb", "\u200b"])
def test_bad_keys(cache: Cache, bad: str) -> None:
    with pytest.raises(ServiceError) as refused:
        cache.set(bad, 1)
    assert (refused.value.code, refused.value.status) == ("invalid", 400)


@pytest.mark.parametrize("dots", ["..", ".", "a/../b"])
def test_keys_that_no_path_keeps(cache: Cache, dots: str) -> None:
    with pytest.raises(ServiceError) as refused:
        cache.set(dots, 1)
    assert refused.value.status == 400
    with pytest.raises(ServiceError):
        cache.get(dots)


def test_ttl(cache: Cache, key: str) -> None:
    cache.set(key, 1, ttl=60)
    left = cache.look([key])[key].ttl
    assert left is not None
    assert 50 < left <= 60
    assert cache.touch(key)
    assert cache.look([key])[key].ttl is None
    assert not cache.touch(f"{key}-no", ttl=5)
    with pytest.raises(ServiceError, match="ttl"):
        cache.set(key, 1, ttl=0)


def test_add_and_replace(cache: Cache, key: str) -> None:
    assert cache.add(key, 1)
    assert not cache.add(key, 2)
    version = cache.look([key])[key].version
    newer = cache.replace(key, 3, version=version)
    assert newer is not None
    assert newer > version
    assert cache.replace(key, 4, version=version) is None
    assert cache.get(key) == 3


def test_increment(cache: Cache, key: str) -> None:
    assert cache.increment(key) == 1
    assert cache.increment(key, 10, ttl=60) == 11
    assert cache.increment(key, -0.5) == 10.5
    cache.set(key, "text")
    with pytest.raises(ServiceError) as refused:
        cache.increment(key)
    assert refused.value.code == "conflict"


def test_too_large(cache: Cache, key: str) -> None:
    cache.set(key, b"x" * 700_000)
    with pytest.raises(ServiceError) as refused:
        cache.set(key, "x" * (2 << 20))
    assert refused.value.code == "too_large"


def test_keys_and_clear(cache: Cache, key: str) -> None:
    cache.clear()
    for letter in "cab":
        cache.set(f"{key}/{letter}", 1)
    cache.set("other", 1)
    assert cache.keys(f"{key}/") == [f"{key}/a", f"{key}/b", f"{key}/c"]
    assert cache.keys(f"{key}/", after=f"{key}/a", limit=1) == [f"{key}/b"]
    assert cache.stats()["keys"] == 4
    assert cache.clear() == 4
    assert cache.keys() == []


def test_a_lock_has_one_holder(cache: Cache, key: str) -> None:
    with cache.lock(key) as lock:
        assert cache.try_lock(key) is None
        with pytest.raises(LockHeld), cache.lock(key):
            pass
        assert cache.keep_lock(lock, ttl=60)
    again = cache.try_lock(key)
    assert again is not None
    assert again.token > lock.token
    assert not cache.keep_lock(lock)
    assert not cache.unlock(lock)
    assert cache.unlock(again)
    assert not cache.unlock(again)
