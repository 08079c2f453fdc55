"""What every keeper of the facts of blobs must do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.model.blob import (
    UNVERSIONED,
    About,
    Cause,
    Piece,
    Versioning,
)
from tapwater_server.model.blob_conditions import Condition
from tapwater_server.model.errors import Conflict, NotFound, PreconditionFailed
from tapwater_server.ports.blobs import Held, Listing, Naming
from tests.conformance.opened_blobs import (
    BACKENDS,
    CAUSE,
    SHOP,
    A,
    Opened,
    content,
    draft,
    garbage,
    keep_versions,
    keys,
    sqlite_facts,
)


@pytest.fixture(params=sorted(BACKENDS))
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_blb_1_a_blob_is_there_with_all_its_facts(opened: Opened) -> None:
    stored = await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    held = await opened.facts.find(SHOP, A)
    assert held == Held(blob=stored, pieces=(Piece(size=3, data=b"one"),))
    assert (stored.size, stored.etag, stored.version) == (3, "etag-of-one", UNVERSIONED)
    assert stored.stored_at == opened.clock.now()
    assert stored.about == About(content_type="text/plain", metadata={"of": "one"})


async def test_blb_1_it_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite_facts(tmp_path) as before:
        stored = await before.facts.store(SHOP, draft("a", "one", piece="P1"), cause=CAUSE)
    async with sqlite_facts(tmp_path) as after:
        held = await after.facts.find(SHOP, A)
        assert held == Held(blob=stored, pieces=(Piece(size=3, name="P1"),))
        assert await after.events() == [("stored", "a")]


async def test_blb_1_what_is_refused_leaves_nothing(opened: Opened) -> None:
    with pytest.raises(PreconditionFailed):
        await opened.facts.store(
            SHOP, draft("a", "one"), condition=Condition(match=("x",)), cause=CAUSE
        )
    assert await opened.facts.find(SHOP, A) is None
    assert await opened.facts.bucket(SHOP, "box") is None or await content(opened) is None
    assert await opened.events() == []


async def test_blb_2_of_many_one_succeeds(opened: Opened) -> None:
    only_new = Condition(none_match=("*",))
    ends = await asyncio.gather(
        *(
            opened.facts.store(SHOP, draft("a", str(n)), condition=only_new, cause=CAUSE)
            for n in range(8)
        ),
        return_exceptions=True,
    )
    refused = [end for end in ends if isinstance(end, PreconditionFailed)]
    assert len(refused) == 7
    assert await opened.events() == [("stored", "a")]


async def test_blb_2_a_match_guards_what_was_seen(opened: Opened) -> None:
    first = await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    seen = Condition(match=(first.etag,))
    await opened.facts.store(SHOP, draft("a", "two"), condition=seen, cause=CAUSE)
    with pytest.raises(PreconditionFailed):
        await opened.facts.store(SHOP, draft("a", "three"), condition=seen, cause=CAUSE)
    with pytest.raises(PreconditionFailed):
        await opened.facts.delete(SHOP, A, condition=seen, cause=CAUSE)
    with pytest.raises(PreconditionFailed):
        await opened.facts.describe(SHOP, A, About(), condition=seen)
    assert await content(opened) == "two"


async def test_blb_3_without_versions_the_newest_replaces(opened: Opened) -> None:
    for text in ("one", "two"):
        await opened.facts.store(SHOP, draft("a", text), cause=CAUSE)
    assert await content(opened) == "two"
    page = await opened.facts.versions(SHOP, Listing(bucket="box"))
    assert [blob.etag for blob in page.blobs] == ["etag-of-two"]
    assert await opened.facts.delete(SHOP, A, cause=CAUSE) is not None
    assert await opened.facts.delete(SHOP, A, cause=CAUSE) is None
    assert await content(opened) is None


async def test_blb_3_with_versions_all_stay(opened: Opened) -> None:
    await keep_versions(opened)
    one = await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    two = await opened.facts.store(SHOP, draft("a", "two"), cause=CAUSE)
    assert len({one.version, two.version, UNVERSIONED}) == 3
    assert await content(opened) == "two"
    assert await content(opened, Naming(bucket="box", key="a", version=one.version)) == "one"
    marker = await opened.facts.delete(SHOP, A, cause=CAUSE)
    assert marker is not None
    assert marker.marker
    assert await content(opened) is None
    assert (await opened.facts.list(SHOP, Listing(bucket="box"))).blobs == ()
    page = await opened.facts.versions(SHOP, Listing(bucket="box"))
    assert [(blob.marker, blob.current) for blob in page.blobs] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    await opened.facts.delete(
        SHOP, Naming(bucket="box", key="a", version=marker.version), cause=CAUSE
    )
    assert await content(opened) == "two"
    await opened.facts.delete(SHOP, Naming(bucket="box", key="a", version=two.version), cause=CAUSE)
    assert await content(opened) == "one"


async def test_blb_3_suspended_replaces_only_what_has_no_version(opened: Opened) -> None:
    await keep_versions(opened)
    await opened.facts.store(SHOP, draft("a", "kept"), cause=CAUSE)
    await keep_versions(opened, Versioning.SUSPENDED)
    for text in ("one", "two"):
        await opened.facts.store(SHOP, draft("a", text), cause=CAUSE)
    page = await opened.facts.versions(SHOP, Listing(bucket="box"))
    assert [blob.etag for blob in page.blobs] == ["etag-of-two", "etag-of-kept"]
    await opened.facts.delete(SHOP, A, cause=CAUSE)
    page = await opened.facts.versions(SHOP, Listing(bucket="box"))
    assert [(blob.version == UNVERSIONED, blob.marker) for blob in page.blobs] == [
        (True, True),
        (False, False),
    ]
    with pytest.raises(Conflict):
        await keep_versions(opened, Versioning.OFF)


async def test_blb_4_pages_give_each_key_once_in_order(opened: Opened) -> None:
    names = ["a", "a/b", "a0", "B", "z", "ä", "\ue000", "\U0001f600"]
    for name in reversed(names):
        await opened.facts.store(SHOP, draft(name), cause=CAUSE)
    found: list[str] = []
    after = ""
    for _ in range(len(names)):
        page = await opened.facts.list(SHOP, Listing(bucket="box", after=after, count_max=3))
        found += keys(page.blobs)
        after = page.next
        if not after:
            break
    assert found == sorted(names)


async def test_blb_4_a_delimiter_folds(opened: Opened) -> None:
    for name in ("a/1", "a/2", "b/c/1", "b/2", "c", "d/1"):
        await opened.facts.store(SHOP, draft(name), cause=CAUSE)

    async def page(**given: str | int) -> tuple[list[str], list[str], str]:
        found = await opened.facts.list(SHOP, Listing(bucket="box", delimiter="/", **given))  # type: ignore[arg-type]
        return keys(found.blobs), list(found.prefixes), found.next

    assert await page() == (["c"], ["a/", "b/", "d/"], "")
    assert await page(prefix="b/") == (["b/2"], ["b/c/"], "")
    assert await page(count_max=2) == ([], ["a/", "b/"], "b/")
    assert await page(count_max=2, after="b/") == (["c"], ["d/"], "")
    assert await page(count_max=1, after="a/1") == ([], ["a/"], "a/")


async def test_blb_4_versions_page_by_key_and_version(opened: Opened) -> None:
    await keep_versions(opened)
    for name in ("a", "a", "b", "a", "c/1"):
        await opened.facts.store(SHOP, draft(name), cause=CAUSE)
    whole = await opened.facts.versions(SHOP, Listing(bucket="box"))
    assert keys(whole.blobs) == ["a", "a", "a", "b", "c/1"]
    assert whole.next == ""
    found: list[str] = []
    key = version = ""
    for _ in range(10):
        page = await opened.facts.versions(
            SHOP, Listing(bucket="box", after=key, count_max=2), after_version=version
        )
        found += [blob.version for blob in page.blobs]
        key, _, version = page.next.partition("\0")
        if not page.next:
            break
    assert found == [blob.version for blob in whole.blobs]
    only = await opened.facts.versions(SHOP, Listing(bucket="box", prefix="c/"))
    assert keys(only.blobs) == ["c/1"]


async def test_blb_5_what_nothing_holds_is_garbage(opened: Opened) -> None:
    await opened.facts.store(SHOP, draft("a", "one", piece="P1"), cause=CAUSE)
    await opened.facts.copy(SHOP, A, Naming(bucket="box", key="b"), cause=CAUSE)
    await opened.facts.delete(SHOP, A, cause=CAUSE)
    assert await garbage(opened) == []
    assert await opened.facts.strangers(["P1", "P2"]) == ["P2"]
    await opened.facts.store(SHOP, draft("b", "two", piece="P3"), cause=CAUSE)
    assert await garbage(opened) == ["P1"]
    assert await opened.facts.strangers(["P1"]) == []
    await opened.facts.forget(["P1"])
    assert await garbage(opened) == []
    assert await opened.facts.strangers(["P1", "P3"]) == ["P1"]


async def test_blb_5_a_copy_onto_itself_holds_on(opened: Opened) -> None:
    await opened.facts.store(SHOP, draft("a", "one", piece="P1"), cause=CAUSE)
    await opened.facts.copy(SHOP, A, A, about=About(content_type="x/y"), cause=CAUSE)
    assert await garbage(opened) == []
    held = await opened.facts.find(SHOP, A)
    assert held is not None
    assert held.blob.about.content_type == "x/y"
    assert [piece.name for piece in held.pieces] == ["P1"]


async def test_blb_1_a_copy_has_the_same_pieces(opened: Opened) -> None:
    one = await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    to = Naming(bucket="other", key="b")
    copied = await opened.facts.copy(SHOP, A, to, cause=CAUSE)
    assert (copied.etag, copied.about, copied.size) == (one.etag, one.about, one.size)
    held = await opened.facts.find(SHOP, to)
    assert held is not None
    assert held.pieces == (Piece(size=3, data=b"one"),)
    with pytest.raises(NotFound):
        await opened.facts.copy(SHOP, Naming(bucket="box", key="no"), to, cause=CAUSE)
    with pytest.raises(PreconditionFailed):
        await opened.facts.copy(SHOP, A, to, source_condition=Condition(match=("x",)), cause=CAUSE)


async def test_blb_6_events_follow_what_a_reader_sees(opened: Opened) -> None:
    await keep_versions(opened)
    facts = opened.facts
    one = await facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    await facts.store(SHOP, draft("a", "two"), cause=CAUSE)
    marker = await facts.delete(SHOP, A, cause=CAUSE)
    assert marker is not None
    await facts.delete(SHOP, A, cause=CAUSE)  # One more marker: nothing changes for a reader.
    told = [("stored", "a"), ("stored", "a"), ("deleted", "a")]
    assert await opened.events() == told
    old = Naming(bucket="box", key="a", version=one.version)
    await facts.delete(SHOP, old, cause=CAUSE)
    assert await opened.events() == told
    page = await facts.versions(SHOP, Listing(bucket="box"))
    for blob in page.blobs[:2]:
        version = Naming(bucket="box", key="a", version=blob.version)
        await facts.delete(SHOP, version, cause=CAUSE)
    assert await opened.events() == [*told, ("stored", "a")]


async def test_blb_6_an_event_says_what_and_in_which_chain(opened: Opened) -> None:
    cause = Cause(root="R", depth=3, trace="T")
    await opened.facts.store(SHOP, draft("ä/1", "one"), cause=cause)
    (logged,) = await opened.log.read(after=0, count_max=10)
    event = logged.event
    assert (event.type, event.source, event.subject) == (
        "tapwater.blob.stored",
        "/blobs/box",
        "ä/1",
    )
    assert (event.root, event.depth, event.trace, event.key) == ("R", 3, "T", "box/ä/1")
    assert b'"content_type":"text/plain","metadata":{"of":"one"}' in event.data


async def test_blb_6_other_words_are_no_event(opened: Opened) -> None:
    await opened.facts.store(SHOP, draft("a", "one"), cause=CAUSE)
    said = await opened.facts.describe(SHOP, A, About(content_type="x/y", tags={"a": "b"}))
    assert said is not None
    held = await opened.facts.find(SHOP, A)
    assert held is not None
    assert held.blob == said
    assert said.about.tags == {"a": "b"}
    assert await opened.facts.describe(SHOP, Naming(bucket="box", key="no"), About()) is None
    assert await opened.events() == [("stored", "a")]
