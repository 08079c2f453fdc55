"""Documents for whoever asks: the app itself does as it likes, its users as the rules allow."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tapwater_server.model.document import write as writing
from tapwater_server.model.document.document import Document
from tapwater_server.model.document.happened import Cause
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.document.query import (
    LIMIT_MAX,
    Query,
    keys_of,
    selected,
    write_cursor,
)
from tapwater_server.model.document.write import Kind, Moved, Write
from tapwater_server.model.errors import Conflict, Invalid, NeedsIndex, NotAllowed, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.principal import Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import (
    PAGE_BYTES_MAX,
    Counted,
    Documents,
    Page,
)
from tapwater_server.ports.rules import Action, Rules
from tapwater_server.web.asked import Asked
from tapwater_server.web.networks import network_of

FUNCTION_BYTES_MAX = 1 << 20  # Of a page for a function: it must fit a frame to its socket.
VISITOR_LOOKED_AT_MAX = 2000  # Documents in vain: a stranger's query must cost little.
ATTEMPTS_MAX = 5  # Of a write that rules must judge while others write the same document.
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks about the documents of which app, and the call they ask from."""

    app: AppId
    who: Principal
    caller: Invocation | None = None
    client: str = ""  # the address
    trace: str = ""  # the step that asks

    @property
    def is_trusted(self) -> bool:
        return self.who.is_trusted(self.app)

    @property
    def share(self) -> str:
        """Whose share of subscriptions they take; empty for who acts for the app itself."""
        return "" if self.is_trusted else network_of(self.client)

    @property
    def cause(self) -> Cause:
        """What the events of this asker's writes say about where they come from."""
        if self.caller is None:
            return Cause(trace=self.trace)
        return Cause(
            root=self.caller.root or self.caller.id,
            depth=self.caller.depth + 1,
            trace=self.trace or self.caller.traceparent.decode("ascii", "replace"),
        )


def asker_of(asked: Asked) -> Asker:
    """Take out of a request who asks."""
    return Asker(
        app=asked.app,
        who=asked.who,
        caller=asked.caller,
        client=asked.client,
        trace=asked.trace,
    )


class DocsService:
    """Everything clients and functions do with documents, except watching them."""

    def __init__(self, *, documents: Documents, rules: Rules, clock: Clock) -> None:
        self.documents, self._rules, self._clock = documents, rules, clock

    def may(
        self,
        asker: Asker,
        action: Action,
        path: DocPath,
        *,
        old: Document | None = None,
        new: Mapping[str, object] | None = None,
    ) -> bool:
        """Ask the rules; whom they do not bind may do everything."""
        return asker.is_trusted or self._rules.allows(
            asker.app,
            asker.who,
            service="docs",
            action=action,
            path=str(path),
            old=old.data if old else None,
            new=new,
        )

    async def get(self, asker: Asker, paths: Sequence[DocPath]) -> Sequence[Document | None]:
        """Read several; what may not be read is as if it were not there."""
        found = await self.documents.get(asker.app, paths)
        return [
            each if each and self.may(asker, Action.READ, each.path, old=each) else None
            for each in found
        ]

    async def find(self, asker: Asker, query: Query) -> Page:
        """Find one page; whom rules bind, only what they may list.

        Raises:
            NeedsIndex: too much would have to be looked at.
        """
        if not asker.is_trusted:
            return await self._find_listed(asker, query)
        page = await self.documents.find(
            asker.app,
            query,
            bytes_max=PAGE_BYTES_MAX if asker.caller is None else FUNCTION_BYTES_MAX,
        )
        _note(asker.app, query, page)
        return page

    async def _find_listed(self, asker: Asker, query: Query) -> Page:
        """Fill a page with what may be listed.

        What is hidden must not show: not in a page that is short, not in the cursor, which tells
        the order's fields of the document it leads on from.
        """
        listed, size = list[Document](), 0
        async for page in self._looked_at(asker, query):
            for each in page.documents:
                if not self.may(asker, Action.LIST, each.path, old=each):
                    continue
                size += each.shown_bytes
                if listed and (len(listed) == query.limit or size > PAGE_BYTES_MAX):
                    return _page(query, listed, more=True)
                listed.append(each)
        return _page(query, listed, more=False)

    async def count(self, asker: Asker, query: Query) -> Counted:
        """Count; whom rules bind, only what they may list.

        Raises:
            NeedsIndex: too much would have to be looked at.
        """
        if asker.is_trusted:
            return await self.documents.count(asker.app, query)
        count = 0
        async for page in self._looked_at(asker, query):
            count += sum(
                self.may(asker, Action.LIST, each.path, old=each) for each in page.documents
            )
        return Counted(count=count)

    async def _looked_at(self, asker: Asker, query: Query) -> AsyncIterator[Page]:
        """Go through pages for somebody whom rules bind, as far as that may cost."""
        looked_at, limit = 0, min(query.limit, LIMIT_MAX - 1) + 1
        query = replace(query, limit=limit, select=())
        while True:
            page = await self.documents.find(asker.app, query, looked_at_max=VISITOR_LOOKED_AT_MAX)
            _note(asker.app, query, page)
            looked_at += len(page.documents) + page.looked_at
            if looked_at > VISITOR_LOOKED_AT_MAX:
                raise NeedsIndex(
                    f"more than {VISITOR_LOOKED_AT_MAX} documents would have to be judged"
                )
            yield page
            if not page.after:
                return
            query = replace(query, limit=LIMIT_MAX, after=page.after)

    async def pages(self, app: AppId, query: Query) -> AsyncIterator[Page]:
        """Go through all pages of a query."""
        query = replace(query, limit=LIMIT_MAX, select=())
        while True:
            page = await self.documents.find(app, query)
            yield page
            if not page.after:
                return
            query = replace(query, after=page.after)

    async def commit(
        self, asker: Asker, writes: Sequence[Write], reads: Mapping[DocPath, int] | None = None
    ) -> Sequence[Document | None]:
        """Write all or nothing.

        Raises:
            NotAllowed, NotFound: a rule refuses one of the writes.
            Moved, Invalid, TooLarge: see ``ports/documents.py``.
        """
        if asker.is_trusted:
            return await self.documents.commit(asker.app, writes, reads=reads, cause=asker.cause)
        for attempt in range(ATTEMPTS_MAX):
            judged = await self._judged(asker, writes, reads or {})
            try:
                return await self.documents.commit(
                    asker.app, writes, reads=judged, cause=asker.cause
                )
            except Moved:
                if attempt == ATTEMPTS_MAX - 1:
                    # Not the store's own words: they tell versions that may be hidden.
                    raise Conflict("others write the same documents: try again") from None
        raise AssertionError("the last attempt returned or raised")

    async def _judged(
        self, asker: Asker, writes: Sequence[Write], reads: Mapping[DocPath, int]
    ) -> Mapping[DocPath, int]:
        """Let the rules judge the writes on the documents as they are; give their versions, which
        must still hold at the commit.
        """
        paths = list(dict.fromkeys([*reads, *(each.path for each in writes)]))
        found = dict(zip(paths, await self.documents.get(asker.app, paths), strict=True))
        versions = {path: each.version if each else 0 for path, each in found.items()}
        shown = {
            path: versions[path] if self._may_read(asker, path, found[path]) else 0
            for path in reads
        }
        problem = writing.moved(reads, shown)
        if problem is not None:
            raise problem
        now = self._clock.now()
        for write in writes:
            found[write.path] = self._judge(asker, write, found[write.path], now=now)
        return versions

    def _may_read(self, asker: Asker, path: DocPath, old: Document | None) -> bool:
        return old is not None and self.may(asker, Action.READ, path, old=old)

    def _judge(
        self, asker: Asker, write: Write, old: Document | None, *, now: float
    ) -> Document | None:
        if old is not None and not self._may_write(asker, write, old, now=now):
            if self._may_read(asker, write.path, old):
                action = Action.DELETE if write.kind is Kind.DELETE else Action.UPDATE
                raise _not_allowed(action, write.path)
            # What may not be read is as if it were not there.
            self._judge(asker, write, None, now=now)
            raise NotFound(f"there is no document {write.path}")
        if old is None and not self._may_write(asker, write, None, now=now):
            if write.kind is Kind.DELETE:
                raise NotFound(f"there is no document {write.path}")
            raise _not_allowed(Action.CREATE, write.path)
        writing.check_condition(write, old)
        if write.kind is Kind.DELETE:
            return None
        new = writing.apply(write, old.data if old else None, now=now)
        assert new is not None, "only a delete leaves nothing"
        return writing.draft(write, old, new, now=now)

    def _may_write(self, asker: Asker, write: Write, old: Document | None, *, now: float) -> bool:
        """Ask the rules for a write on what is there.

        Raises:
            Invalid: it does not fit what is there, which the asker may read.
        """
        if write.kind is Kind.DELETE:
            return self.may(asker, Action.DELETE, write.path, old=old)
        try:
            new = writing.apply(write, old.data if old else None, now=now)
        except Invalid:
            if old is not None and not self._may_read(asker, write.path, old):
                return False  # What stands there is not to be told by what fits it.
            raise
        action = Action.UPDATE if old else Action.CREATE
        return self.may(asker, action, write.path, old=old, new=new)


def _not_allowed(action: Action, path: DocPath) -> NotAllowed:
    return NotAllowed(f"the app's rules do not let you {action} {path}")


def _page(query: Query, listed: Sequence[Document], *, more: bool) -> Page:
    after = ""
    if more:
        last = listed[-1]
        after = write_cursor(query, keys_of(query, last.data), last.path)
    return Page(documents=[selected(each, query.select) for each in listed], after=after)


def _note(app: AppId, query: Query, page: Page) -> None:
    """Tell the developer which index is missed."""
    if page.advice is not None:
        facts = {"collection": query.collection, "index": page.advice.id}
        _log.info("a query has no index", extra={"app": app, "looked_at": page.looked_at, **facts})
