"""Whatever is done to blobs in whatever order: SQLite and the reference say the same of it."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tapwater_server.model.blob import Bucket, Part, Piece, Upload, Versioning
from tapwater_server.model.blob_conditions import ALWAYS, Condition
from tapwater_server.model.errors import TapwaterError
from tapwater_server.ports.blobs import Aged, Completion, Listing, Naming
from tests.conformance.opened_blobs import CAUSE, SHOP, Opened, draft, memory_facts, sqlite_facts

KEYS = st.sampled_from(["a", "a/b", "a/c", "b", "ä/1", "a0"])
TEXTS = st.sampled_from(["one", "two", "three"])
CONDITIONS = st.sampled_from(
    [
        ALWAYS,
        ALWAYS,
        ALWAYS,
        Condition(none_match=("*",)),
        Condition(match=("etag-of-one",)),
        Condition(match=("*",)),
    ]
)
WHICH = st.integers(0, 3)  # Which version of a key, from the newest; 3: the current one.


class BlobsMachine(RuleBasedStateMachine):
    """Does everything twice and compares."""

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.pieces = 0
        self.uploads = 0
        self.both: list[Opened] = self.runner.run(self._open())

    async def _open(self) -> list[Opened]:
        path = Path(self.folder.name)
        return [
            await self.stack.enter_async_context(memory_facts(path)),
            await self.stack.enter_async_context(sqlite_facts(path)),
        ]

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()

    def twice(self, name: str, *given: Any, **more: Any) -> list[Any]:
        """Do it to both; what each says (or how it refuses), without the ids it drew."""

        async def each(opened: Opened) -> Any:
            try:
                return await getattr(opened.facts, name)(SHOP, *given, **more)
            except TapwaterError as error:
                return error.code

        return [self.runner.run(each(opened)) for opened in self.both]

    def agree(self, said: list[Any]) -> None:
        first, second = said
        assert (first is None, isinstance(first, str)) == (second is None, isinstance(second, str))
        if isinstance(first, str | bool | int | tuple):
            assert first == second

    def naming(self, key: str, which: int) -> list[Naming]:
        """The same version of a key in both, which has another name in each."""
        found = []
        for page in self.twice("versions", Listing(bucket="box", prefix=key)):
            versions = [blob.version for blob in page.blobs if blob.key == key]
            version = versions[which] if which < min(len(versions), 3) else ""
            found.append(Naming(bucket="box", key=key, version=version))
        return found

    def each_named(self, name: str, namings: list[Naming], *given: Any, **more: Any) -> None:
        async def one(opened: Opened, naming: Naming) -> Any:
            try:
                return await getattr(opened.facts, name)(SHOP, naming, *given, **more)
            except TapwaterError as error:
                return error.code

        pairs = zip(self.both, namings, strict=True)
        self.agree([self.runner.run(one(opened, naming)) for opened, naming in pairs])

    @rule(key=KEYS, text=TEXTS, condition=CONDITIONS, inline=st.booleans())
    def store(self, key: str, text: str, condition: Condition, inline: bool) -> None:
        self.pieces += 1
        made = draft(key, text, piece="" if inline else f"P{self.pieces}")
        self.agree(self.twice("store", made, condition=condition, cause=CAUSE))

    @rule(key=KEYS, which=WHICH, condition=CONDITIONS)
    def delete(self, key: str, which: int, condition: Condition) -> None:
        namings = self.naming(key, which)
        self.each_named("delete", namings, condition=condition, cause=CAUSE)

    @rule(key=KEYS, which=WHICH, to=KEYS)
    def copy(self, key: str, which: int, to: str) -> None:
        target = Naming(bucket="box", key=to)
        self.each_named("copy", self.naming(key, which), target, cause=CAUSE)

    @rule(versioning=st.sampled_from(Versioning))
    def keep(self, versioning: Versioning) -> None:
        self.agree(self.twice("put_bucket", Bucket(name="box", versioning=versioning)))

    @rule(key=KEYS)
    def begin(self, key: str) -> None:
        self.uploads += 1
        upload = Upload(id=f"U{self.uploads}", bucket="box", key=key, begun_at=0.0)
        self.agree(self.twice("begin", upload))

    @rule(which=st.integers(1, 4), number=st.integers(1, 3), text=TEXTS)
    def put_part(self, which: int, number: int, text: str) -> None:
        self.pieces += 1
        piece = Piece(size=len(text), name=f"P{self.pieces}")
        part = Part(number=number, size=len(text), etag=f"etag-of-{text}", piece=piece)
        self.agree(self.twice("put_part", f"U{which}", part))

    @rule(which=st.integers(1, 4), texts=st.lists(TEXTS, min_size=1, max_size=3))
    def complete(self, which: int, texts: list[str]) -> None:
        parts = [(number, f"etag-of-{text}") for number, text in enumerate(texts, 1)]
        named = Completion(upload=f"U{which}", parts=parts, etag="joined", checksums={})
        self.agree(self.twice("complete", named, cause=CAUSE))

    @rule(which=st.integers(1, 4))
    def abort(self, which: int) -> None:
        self.agree(self.twice("abort", f"U{which}"))

    @rule()
    def erase(self) -> None:
        self.twice("erase")

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        for opened in self.both:
            self.runner.run(opened.clock.advance(seconds))

    @invariant()
    def all_is_the_same(self) -> None:
        if hasattr(self, "both"):
            first, second = [self.runner.run(self._seen(opened)) for opened in self.both]
            assert first == second

    async def _seen(self, opened: Opened) -> dict[str, Any]:
        facts = opened.facts
        versions = await facts.versions(SHOP, Listing(bucket="box"))
        held: dict[tuple[str, int], list[str]] = {}
        for blob in versions.blobs:
            naming = Naming(bucket="box", key=blob.key, version=blob.version)
            found = await facts.find(SHOP, naming)
            assert found is not None
            held[blob.key, len(held)] = [piece.name for piece in found.pieces]
        garbage = set(await facts.garbage(before=1e12, count_max=1_000))
        alive = {name for names in held.values() for name in names}
        assert not garbage & alive
        now = opened.clock.now()
        aged = await facts.aged(SHOP, Aged(bucket="box", replaced_before=now, keep_old_max=1))
        pages = []
        for delimiter in ("", "/"):
            after = ""
            for _ in range(10):
                listing = Listing(bucket="box", delimiter=delimiter, after=after, count_max=2)
                page = await facts.list(SHOP, listing)
                pages.append(([blob.key for blob in page.blobs], page.prefixes, page.next))
                after = page.next
                if not after:
                    break
        return {
            "versions": [(b.key, b.etag, b.marker, b.current, b.size) for b in versions.blobs],
            "held": held,
            "garbage": garbage,
            "events": await opened.events(),
            "aged": sorted((blob.key, blob.etag, blob.marker) for blob in aged),
            "pages": pages,
            "usage": await facts.usage(SHOP, "box"),
        }


BlobsMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True
)
test_blb_3_blb_5_blb_6_both_backends_agree = BlobsMachine.TestCase
