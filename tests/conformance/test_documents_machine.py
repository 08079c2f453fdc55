"""Two stores, one story: whatever is done to both, memory and SQLite say the same."""

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.index import Index, IndexField
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Every, Is, Order, Query
from tapwater_server.model.document.write import Kind, Write
from tapwater_server.model.errors import TapwaterError
from tests.conformance.opened_documents import BACKENDS, SHOP, Opened, writing

PATHS = st.sampled_from(["t/1", "t/2", "t/3", "t/1/t/1", "u/1"])
FIELDS = st.sampled_from(["a", "b"])
VALUES = st.one_of(
    st.integers(0, 3),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(["x", None, True]),
    st.sampled_from(
        [{"$increment": 1}, {"$union": [1, 2]}, {"$remove": [1]}, {"$delete": True}, {"$now": True}]
    ),
)
DATA = st.dictionaries(FIELDS, VALUES, max_size=2)
WRITES = st.builds(
    writing, st.sampled_from(Kind), PATHS, DATA, exists=st.sampled_from([None, None, True, False])
)
INDEXES = st.sampled_from(
    [
        Index(name="t", fields=(IndexField(("a",)),)),
        Index(name="t", fields=(IndexField(("a",), each=True),), group=True),
        Index(name="t", fields=(IndexField(("b",), descending=True), IndexField(("a",)))),
    ]
)
QUERIES = (
    Query(collection="t", where=Every((Is(("a",), ">=", 1),))),
    Query(collection="t", group=True, where=Every((Is(("a",), "contains", 1),))),
    Query(collection="t", order_by=(Order(("b",), True), Order(("a",)))),
)


class Stores(RuleBasedStateMachine):
    """Drives both stores at once."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._stores: list[Opened] = [
            self._run(self._stack.enter_async_context(BACKENDS[kind](Path(folder))))
            for kind in sorted(BACKENDS)
        ]

    def teardown(self) -> None:
        self._run(self._stack.aclose())
        self._loop.close()

    def _run(self, waiting: Any) -> Any:
        return self._loop.run_until_complete(waiting)

    def _both(self, ask: Any) -> Any:
        said = [self._run(_said(ask(each))) for each in self._stores]
        assert said[0] == said[1]
        return said[0]

    @rule(writes=st.lists(WRITES, min_size=1, max_size=4))
    def commit(self, writes: list[Write]) -> None:
        self._both(lambda store: store.documents.commit(SHOP, writes))

    @rule(write=WRITES, path=PATHS, version=st.integers(0, 5))
    def commit_on_what_was_read(self, write: Write, path: str, version: int) -> None:
        reads = {parse_doc_path(path): version}
        self._both(lambda store: store.documents.commit(SHOP, [write], reads=reads))

    @rule(path=PATHS, after_s=st.integers(1, 20))
    def write_for_a_while(self, path: str, after_s: int) -> None:
        ends = self._stores[0].clock.now() + after_s
        write = Write(kind=Kind.MERGE, path=parse_doc_path(path), expires_at=ends)
        self._both(lambda store: store.documents.commit(SHOP, [write]))

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        for store in self._stores:
            self._run(store.clock.advance(seconds))

    @rule()
    def sweep(self) -> None:
        self._both(lambda store: store.documents.sweep())

    @rule(index=INDEXES)
    def want(self, index: Index) -> None:
        for store in self._stores:
            self._run(store.documents.put_index(SHOP, index))
            self._run(store.build())

    @rule(index=INDEXES)
    def drop(self, index: Index) -> None:
        self._both(lambda store: store.documents.drop_index(SHOP, index.id))

    @rule(field=FIELDS, is_declared=st.booleans())
    def end_by_a_field(self, field: str, is_declared: bool) -> None:
        ttl = Ttl(name="t", field=(field,), declared=is_declared)
        self._both(lambda store: store.documents.put_ttl(SHOP, ttl))

    @rule()
    def end_by_no_field(self) -> None:
        self._both(lambda store: store.documents.declare_ttls(SHOP, []))
        self._both(lambda store: store.documents.drop_ttl(SHOP, "t"))

    @invariant()
    def everything_is_the_same(self) -> None:
        paths = [parse_doc_path(each) for each in ("t/1", "t/2", "t/3", "t/1/t/1", "u/1")]
        self._both(lambda store: store.documents.get(SHOP, paths))
        for query in QUERIES:
            self._both(lambda store, query=query: store.documents.find(SHOP, query))
            self._both(lambda store, query=query: store.documents.count(SHOP, query))
        self._both(lambda store: store.documents.collections(SHOP, deep=True))
        self._both(lambda store: store.documents.ttls(SHOP))
        self._both(_events)


async def _said(waiting: Any) -> Any:
    """Give what was said, or the error it was refused with."""
    try:
        said = await waiting
    except TapwaterError as error:
        return type(error).__name__, error.message
    if hasattr(said, "looked_at"):
        return said.documents, said.after, said.advice
    return said


async def _events(store: Opened) -> Any:
    """Give the events; those of one moment's sweep have no order among themselves."""
    logged = await store.log.read(after=0, count_max=10_000)
    told = [(each.event.at, each.event.type, json.loads(each.event.data)) for each in logged]
    return sorted(told, key=lambda each: json.dumps(each, sort_keys=True))


TestStores = Stores.TestCase
TestStores.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
