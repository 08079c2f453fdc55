"""What every keeper of the facts of blobs must do: uploads, buckets, ageing, erasing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.model.blob import (
    About,
    Bucket,
    LifecycleRule,
    Lock,
    Part,
    Piece,
    Upload,
    Versioning,
)
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import Conflict, NotAllowed, PreconditionFailed
from tapwater_server.ports.blobs import Aged, Completion, Listing, Naming
from tests.conformance.opened_blobs import (
    BACKENDS,
    CAUSE,
    OTHER,
    SHOP,
    A,
    Opened,
    content,
    draft,
    garbage,
    keep_versions,
)


@pytest.fixture(params=sorted(BACKENDS))
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def part(number: int, text: str, piece: str = "") -> Part:
    made = Piece(size=len(text), name=piece, data=b"" if piece else text.encode())
    return Part(number=number, size=len(text), etag=f"etag-of-{text}", piece=made)


async def begun(opened: Opened, id: str = "U1", key: str = "a") -> str:
    at = opened.clock.now()
    await opened.facts.begin(SHOP, Upload(id=id, bucket="box", key=key, begun_at=at))
    return id


def completion(upload: str, *parts: tuple[int, str]) -> Completion:
    named = [(number, f"etag-of-{text}") for number, text in parts]
    return Completion(upload=upload, parts=named, etag="e-2", checksums={})


async def test_blb_7_parts_are_not_seen_until_complete(opened: Opened) -> None:
    facts, upload = opened.facts, await begun(opened)
    assert await facts.put_part(SHOP, upload, part(2, "two", "P2"))
    assert await facts.put_part(SHOP, upload, part(1, "wrong", "P0"))
    assert await facts.put_part(SHOP, upload, part(1, "one"))
    assert await facts.put_part(SHOP, upload, part(3, "three", "P3"))
    assert await facts.find(SHOP, A) is None
    assert (await facts.list(SHOP, Listing(bucket="box"))).blobs == ()
    assert [one.number for one in await facts.parts(SHOP, upload)] == [1, 2, 3]
    with pytest.raises(Conflict):
        await facts.complete(SHOP, completion(upload, (1, "wrong"), (2, "two")), cause=CAUSE)
    with pytest.raises(PreconditionFailed):
        await facts.complete(
            SHOP,
            completion(upload, (1, "one")),
            condition=Condition(match=("x",)),
            cause=CAUSE,
        )
    blob = await facts.complete(SHOP, completion(upload, (1, "one"), (2, "two")), cause=CAUSE)
    assert blob is not None
    assert (blob.size, blob.etag) == (6, "e-2")
    held = await facts.find(SHOP, A)
    assert held is not None
    assert [(piece.name, piece.data) for piece in held.pieces] == [("", b"one"), ("P2", b"")]
    assert await garbage(opened) == ["P0", "P3"]
    assert await opened.events() == [("stored", "a")]


async def test_blb_7_an_upload_ends_once(opened: Opened) -> None:
    facts, upload = opened.facts, await begun(opened)
    await facts.put_part(SHOP, upload, part(1, "one", "P1"))
    assert await facts.abort(SHOP, upload)
    assert not await facts.abort(SHOP, upload)
    assert not await facts.put_part(SHOP, upload, part(2, "two", "P2"))
    assert await facts.complete(SHOP, completion(upload, (1, "one")), cause=CAUSE) is None
    assert await facts.upload(SHOP, upload) is None
    assert await garbage(opened) == ["P1"]
    assert await facts.strangers(["P2"]) == ["P2"]


async def test_blb_7_uploads_are_listed(opened: Opened) -> None:
    for id, key in (("U1", "a/1"), ("U2", "b"), ("U3", "a/2")):
        await begun(opened, id, key)

    async def listed(**given: str) -> list[str]:
        found = await opened.facts.uploads(SHOP, "box", count_max=10, **given)
        return [one.id for one in found]

    assert await listed() == ["U1", "U2", "U3"]
    assert await listed(prefix="a/", after="U1") == ["U3"]
    assert await opened.facts.upload(OTHER, "U1") is None
    assert not await opened.facts.put_part(OTHER, "U1", part(1, "x"))


async def test_blb_8_apps_and_buckets_are_apart(opened: Opened) -> None:
    facts = opened.facts
    await facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    await facts.store(OTHER, draft("a", "two"), cause=CAUSE)
    await facts.store(SHOP, draft("a", "three", bucket="second"), cause=CAUSE)
    assert await content(opened) == "one"
    assert await facts.delete(OTHER, A, cause=CAUSE) is not None
    assert await content(opened) == "one"
    assert [bucket.name for bucket in await facts.buckets(SHOP)] == ["box", "second"]
    assert await facts.usage(SHOP, "box") == (1, 3)


async def test_blb_8_only_an_empty_bucket_goes(opened: Opened) -> None:
    facts = opened.facts
    await keep_versions(opened)
    await facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    with pytest.raises(Conflict):
        await facts.drop_bucket(SHOP, "box")
    await facts.delete(SHOP, A, cause=CAUSE)
    with pytest.raises(Conflict):
        await facts.drop_bucket(SHOP, "box")
    for blob in (await facts.versions(SHOP, Listing(bucket="box"))).blobs:
        naming = Naming(bucket="box", key="a", version=blob.version)
        await facts.delete(SHOP, naming, cause=CAUSE)
    upload = await begun(opened)
    with pytest.raises(Conflict):
        await facts.drop_bucket(SHOP, "box")
    await facts.abort(SHOP, upload)
    assert await facts.drop_bucket(SHOP, "box")
    assert not await facts.drop_bucket(SHOP, "box")
    assert await facts.buckets(SHOP) == []


async def test_blb_8_settings_are_kept(opened: Opened) -> None:
    rule = LifecycleRule(prefix="tmp/", expire_days=1)
    bucket = Bucket(name="box", created_at=5.0, lifecycle=(rule,))
    assert await opened.facts.put_bucket(SHOP, bucket)
    assert await opened.facts.bucket(SHOP, "box") == bucket
    assert await opened.facts.living() == [(SHOP, bucket)]
    changed = Bucket(name="box", created_at=9.0, versioning=Versioning.ON)
    assert not await opened.facts.put_bucket(SHOP, changed)
    found = await opened.facts.bucket(SHOP, "box")
    assert found == Bucket(name="box", created_at=5.0, versioning=Versioning.ON)
    assert await opened.facts.living() == []


async def test_blb_9_aged_gives_what_has_had_its_time(opened: Opened) -> None:
    await keep_versions(opened)
    began = opened.clock.now()
    for text in ("one", "two", "three"):
        await opened.facts.store(SHOP, draft("a", text), cause=CAUSE)
        await opened.facts.store(SHOP, draft("b/1", text), cause=CAUSE)
        await opened.clock.advance(100)

    async def aged(**given: float | str) -> list[tuple[str, str]]:
        found = await opened.facts.aged(SHOP, Aged(bucket="box", **given))  # type: ignore[arg-type]
        return sorted((blob.key, blob.etag.removeprefix("etag-of-")) for blob in found)

    assert await aged(stored_before=began + 200) == []
    assert await aged(stored_before=began + 201) == [("a", "three"), ("b/1", "three")]
    assert await aged(stored_before=began + 999, prefix="b/") == [("b/1", "three")]
    assert await aged(replaced_before=began + 101) == [("a", "one"), ("b/1", "one")]
    assert await aged(replaced_before=began + 999, prefix="a", keep_old_max=1) == [("a", "one")]
    assert len(await aged(replaced_before=began + 999, count_max=3)) == 3


async def test_blb_9_a_marker_that_hides_nothing_has_had_its_time(opened: Opened) -> None:
    await keep_versions(opened)
    one = await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    await opened.facts.delete(SHOP, A, cause=CAUSE)
    await opened.clock.advance(10)
    due = Aged(bucket="box", replaced_before=opened.clock.now())
    assert [blob.version for blob in await opened.facts.aged(SHOP, due)] == [one.version]
    await opened.facts.delete(SHOP, Naming(bucket="box", key="a", version=one.version), cause=CAUSE)
    assert [blob.marker for blob in await opened.facts.aged(SHOP, due)] == [True]


async def test_blb_9_uploads_begun_long_ago_are_stale(opened: Opened) -> None:
    await begun(opened, "U1")
    await opened.clock.advance(10)
    await begun(opened, "U2")
    now = opened.clock.now()
    stale = await opened.facts.stale(before=now, count_max=10)
    assert [(app, upload.id) for app, upload in stale] == [(SHOP, "U1")]
    assert await opened.facts.stale(before=now - 10, count_max=10) == []
    assert len(await opened.facts.stale(before=now + 1, count_max=1)) == 1


async def test_blb_10_an_erased_app_leaves_garbage_only(opened: Opened) -> None:
    facts = opened.facts
    await facts.store(SHOP, draft("a", "one", piece="P1"), cause=CAUSE)
    await facts.put_part(SHOP, await begun(opened), part(1, "two", "P2"))
    await facts.store(OTHER, draft("a", "x", piece="P3"), cause=CAUSE)
    await facts.erase(SHOP)
    assert await facts.buckets(SHOP) == []
    assert await facts.find(SHOP, A) is None
    assert await facts.upload(SHOP, "U1") is None
    assert await garbage(opened) == ["P1", "P2"]
    assert await facts.find(OTHER, A) is not None


async def test_blb_7_what_is_said_at_the_end_counts(opened: Opened) -> None:
    facts, upload = opened.facts, await begun(opened)
    await facts.put_part(SHOP, upload, part(1, "one"))
    about = About(content_type="text/html", notes={"upload": upload})
    whole = replace(completion(upload, (1, "one")), about=about, checksums={"crc32": "0-1"})
    blob = await facts.complete(SHOP, whole, cause=CAUSE)
    assert blob is not None
    assert (blob.about, blob.checksums) == (about, {"crc32": "0-1"})


async def test_blb_9_only_those_of_a_size_and_with_tags(opened: Opened) -> None:
    facts = opened.facts
    for key, tags in (("a", {"x": "1", "y": "2"}), ("b", {"x": "2"}), ("c", {})):
        made = draft(key, key * 10)
        await facts.store(SHOP, replace(made, about=replace(made.about, tags=tags)), cause=CAUSE)
    await opened.clock.advance(10)
    every = Aged(bucket="box", stored_before=opened.clock.now())
    for wanted, keys in (
        (replace(every, tags={"x": "1"}), ["a"]),
        (replace(every, tags={"x": "1", "y": "1"}), []),
        (replace(every, size_over=10), []),
        (replace(every, size_over=9, size_under=11), ["a", "b", "c"]),
    ):
        assert [blob.key for blob in await facts.aged(SHOP, wanted)] == keys


async def test_blb_9_markers_alone(opened: Opened) -> None:
    await keep_versions(opened)
    made = await opened.facts.store(SHOP, draft("a"), cause=CAUSE)
    await opened.facts.delete(SHOP, A, cause=CAUSE)
    await opened.clock.advance(10)
    lonely = Aged(bucket="box", markers_before=opened.clock.now())
    assert await opened.facts.aged(SHOP, lonely) == []
    await opened.facts.delete(SHOP, replace(A, version=made.version), cause=CAUSE)
    assert [blob.marker for blob in await opened.facts.aged(SHOP, lonely)] == [True]


async def test_blb_11_what_is_locked_stays(opened: Opened) -> None:
    await keep_versions(opened)
    until = opened.clock.now() + 100

    async def kept(lock: Lock) -> Naming:
        made = draft("a")
        made = replace(made, about=replace(made.about, lock=lock))
        blob = await opened.facts.store(SHOP, made, cause=CAUSE)
        return replace(A, version=blob.version)

    async def refused(naming: Naming, *, force: bool = False) -> bool:
        try:
            await opened.facts.delete(SHOP, naming, force=force, cause=CAUSE)
        except NotAllowed:
            return True
        return False

    strict, yields = await kept(Lock(until=until)), await kept(Lock(until=until, yields=True))
    held = await kept(Lock(held=True, yields=True))
    assert [await refused(one) for one in (strict, yields, held)] == [True, True, True]
    assert [await refused(one, force=True) for one in (strict, yields, held)] == [True, False, True]
    marker = await opened.facts.delete(SHOP, A, cause=CAUSE)
    assert marker is not None
    assert marker.marker
    await opened.clock.advance(100)
    assert [await refused(one) for one in (strict, held)] == [False, True]
    await opened.facts.erase(SHOP)
    assert await opened.facts.find(SHOP, held) is None
