"""The reference store of documents: dictionaries, and every query the plain way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.document import write as writing
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import TTLS_MAX, Ttl
from tapwater_server.model.document.happened import Cause, Change, event_of
from tapwater_server.model.document.index import INDEXES_MAX, Index, IndexState, State, keys
from tapwater_server.model.document.paths import DocPath, name_of
from tapwater_server.model.document.plan import plan
from tapwater_server.model.document.query import (
    Query,
    keys_of,
    matches,
    read_cursor,
    selected,
    standing,
    write_cursor,
)
from tapwater_server.model.document.write import Write
from tapwater_server.model.errors import Invalid, NeedsIndex
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import (
    LOOKED_AT_MAX,
    PAGE_BYTES_MAX,
    Counted,
    DocumentStats,
    Page,
    check_together,
)
from tapwater_server.ports.ids import IdSource

_NO_CAUSE = Cause()


@dataclass(slots=True)
class _Shelf:
    """What one app has."""

    documents: dict[DocPath, Document] = field(default_factory=dict)
    indexes: dict[str, IndexState] = field(default_factory=dict)
    ttls: dict[str, Ttl] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A commit that is not yet made."""

    documents: dict[DocPath, Document]
    version: int
    changes: list[Change] = field(default_factory=list)


class MemoryDocuments:
    """Keeps all promises of ``ports/documents.py`` for as long as the process lives."""

    def __init__(self, *, log: MemoryEventLog, clock: Clock, ids: IdSource) -> None:
        self._log, self._clock, self._ids = log, clock, ids
        self._shelves: dict[AppId, _Shelf] = {}
        self._version = 0
        self._stats = DocumentStats()

    def _shelf(self, app: AppId) -> _Shelf:
        return self._shelves.setdefault(app, _Shelf())

    async def commit(
        self,
        app: AppId,
        writes: Sequence[Write],
        *,
        reads: Mapping[DocPath, int] | None = None,
        cause: Cause = _NO_CAUSE,
    ) -> Sequence[Document | None]:
        shelf, now = self._shelf(app), self._clock.now()
        there = self._alive(app)
        if reads:
            found = {path: there[path].version if path in there else 0 for path in reads}
            problem = writing.moved(reads, found)
            if problem is not None:
                raise problem
        draft = _Draft(documents=dict(shelf.documents), version=self._version)
        written = [self._write(shelf, draft, each, now=now) for each in writes]
        shelf.documents, self._version = draft.documents, draft.version
        self._tell(app, draft.changes, cause)
        self._stats = replace(
            self._stats,
            commits=self._stats.commits + 1,
            writes=self._stats.writes + len(writes),
        )
        return written

    def _write(self, shelf: _Shelf, draft: _Draft, write: Write, *, now: float) -> Document | None:
        there = draft.documents.get(write.path)
        old = None if there is None or _has_expired(there, now) else there
        writing.check_condition(write, old)
        data = writing.apply(write, old.data if old else None, now=now)
        if there is not None and (old is None or data is None):
            draft.version += 1
            draft.changes.append(Change(path=write.path, before=there, after=None))
            del draft.documents[write.path]
        if data is None:
            return None
        draft.version += 1
        name = name_of(write.path.collection)
        ttl = shelf.ttls.get(name)
        new = writing.draft(write, old, data, now=now, version=draft.version, ttl=ttl)
        for each in shelf.indexes.values():
            if each.index.name == name and each.state != State.FAILED:
                keys(each.index, write.path, data)  # It refuses what does not fit.
        draft.documents[write.path] = new
        draft.changes.append(Change(path=write.path, before=old, after=new))
        return new

    def _tell(self, app: AppId, changes: Sequence[Change], cause: Cause) -> None:
        at = self._clock.now()
        self._log.record(
            [event_of(app, each, id=self._ids.fresh(), at=at, cause=cause) for each in changes]
        )

    def _alive(self, app: AppId) -> dict[DocPath, Document]:
        now = self._clock.now()
        documents = self._shelf(app).documents
        return {path: each for path, each in documents.items() if not _has_expired(each, now)}

    async def get(self, app: AppId, paths: Sequence[DocPath]) -> Sequence[Document | None]:
        there = self._alive(app)
        found = [there.get(path) for path in paths]
        check_together(sum(len(each.raw) for each in found if each))
        return found

    async def find(
        self,
        app: AppId,
        query: Query,
        *,
        looked_at_max: int = LOOKED_AT_MAX,
        bytes_max: int = PAGE_BYTES_MAX,
    ) -> Page:
        cursor = read_cursor(query)
        advice = self._look(app, query, looked_at_max)
        found = self._all(app, query)
        if cursor is not None:
            behind = standing(query, cursor.keys, cursor.path)
            found = [
                each
                for each in found
                if standing(query, keys_of(query, each.data), each.path) > behind
            ]
        page = _fitting(found[: query.limit], bytes_max)
        after = ""
        if len(found) > len(page):
            after = write_cursor(query, keys_of(query, page[-1].data), page[-1].path)
        documents = [selected(each, query.select) for each in page]
        return Page(documents=documents, after=after, advice=advice)

    def _all(self, app: AppId, query: Query) -> list[Document]:
        found = [each for each in self._of(app, query) if matches(query.where, each.data)]
        return sorted(found, key=lambda each: standing(query, keys_of(query, each.data), each.path))

    def _of(self, app: AppId, query: Query) -> list[Document]:
        def belongs(path: DocPath) -> bool:
            named = name_of(path.collection) if query.group else path.collection
            return named == query.collection

        return [each for path, each in self._alive(app).items() if belongs(path)]

    def _look(self, app: AppId, query: Query, looked_at_max: int) -> Index | None:
        """Say what a store with real indexes would say."""
        ready = [
            each.index for each in self._shelf(app).indexes.values() if each.state is State.READY
        ]
        advice = plan(query, ready).advice
        if advice is not None and len(self._of(app, query)) > looked_at_max:
            raise NeedsIndex(
                f"this query would look at more than {looked_at_max} documents",
                problems=({"where": "index", "what": advice.id},),
            )
        return advice

    async def count(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> Counted:
        advice = self._look(app, query, looked_at_max)
        return Counted(count=len(self._all(app, query)), advice=advice)

    async def snapshot(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> tuple[Page, int]:
        seq = await self._log.last()
        return await self.find(app, query, looked_at_max=looked_at_max), seq

    async def collections(
        self,
        app: AppId,
        *,
        under: str = "",
        deep: bool = False,
        after: str = "",
        count_max: int = 100,
    ) -> Sequence[str]:
        prefix = f"{under}/" if under else ""
        found = {
            path.collection
            for path in self._alive(app)
            if path.collection.startswith(prefix)
            and (deep or "/" not in path.collection[len(prefix) :])
        }
        return sorted(each for each in found if each > after)[:count_max]

    async def put_index(self, app: AppId, index: Index) -> IndexState:
        indexes = self._shelf(app).indexes
        there = indexes.get(index.id)
        if there is not None and there.state is not State.FAILED:
            return there
        of_name = [each for each in indexes.values() if each.index.name == index.name]
        if len(of_name) >= INDEXES_MAX and there is None:
            raise Invalid(f"{index.name} has {len(of_name)} indexes; the most is {INDEXES_MAX}")
        indexes[index.id] = IndexState(index=index, state=State.BUILDING)
        return indexes[index.id]

    async def drop_index(self, app: AppId, id: str) -> bool:
        return self._shelf(app).indexes.pop(id, None) is not None

    async def indexes(self, app: AppId) -> Sequence[IndexState]:
        return sorted(self._shelf(app).indexes.values(), key=lambda each: each.index.id)

    async def build_step(self, *, count_max: int = 500) -> bool:
        for shelf in self._shelves.values():
            for id, each in shelf.indexes.items():
                if each.state is State.BUILDING:
                    shelf.indexes[id] = _built(each, shelf)
                    return True
        return False

    async def sweep(self, *, count_max: int = 50) -> int:
        now, swept = self._clock.now(), 0
        for app, shelf in self._shelves.items():
            gone = [each for each in shelf.documents.values() if _has_expired(each, now)]
            for each in gone[: count_max - swept]:
                del shelf.documents[each.path]
                self._version += 1
                self._tell(app, [Change(path=each.path, before=each, after=None)], _NO_CAUSE)
                swept += 1
        return swept

    async def put_ttl(self, app: AppId, ttl: Ttl) -> None:
        _put_ttl(self._shelf(app).ttls, ttl)

    async def declare_ttls(self, app: AppId, ttls: Sequence[Ttl]) -> None:
        shelf = self._shelf(app)
        kept = {name: each for name, each in shelf.ttls.items() if not each.declared}
        for each in ttls:
            _put_ttl(kept, each)
        shelf.ttls = kept

    async def drop_ttl(self, app: AppId, name: str) -> bool:
        return self._shelf(app).ttls.pop(name, None) is not None

    async def ttls(self, app: AppId) -> Sequence[Ttl]:
        return sorted(self._shelf(app).ttls.values(), key=lambda each: each.name)

    async def erase(self, app: AppId) -> None:
        self._shelves.pop(app, None)

    def stats(self) -> DocumentStats:
        return self._stats


def _put_ttl(ttls: dict[str, Ttl], ttl: Ttl) -> None:
    if len({*ttls, ttl.name}) > TTLS_MAX:
        raise Invalid(f"at most {TTLS_MAX} collections can have one")
    ttls[ttl.name] = ttl


def _fitting(found: list[Document], bytes_max: int) -> list[Document]:
    """Keep what fits a page; one document does, whatever its size."""
    kept, size = found[:1], found[0].shown_bytes if found else 0
    for each in found[1:]:
        size += each.shown_bytes
        if size > bytes_max:
            break
        kept.append(each)
    return kept


def _has_expired(document: Document, now: float) -> bool:
    return 0.0 < document.expires_at <= now


def _built(wanted: IndexState, shelf: _Shelf) -> IndexState:
    count = 0
    for path, document in shelf.documents.items():
        if name_of(path.collection) == wanted.index.name:
            try:
                keys(wanted.index, path, document.data)
            except Invalid as error:
                return replace(wanted, state=State.FAILED, reason=f"{path}: {error.message}")
            count += 1
    return replace(wanted, state=State.READY, built=count)
