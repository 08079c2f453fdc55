"""JSON documents in collections: written in transactions, with the events of it in the same one.

DOC-1  commit() does all writes or none, durable before it returns; later writes of one commit see
       the earlier ones. What does not fit (condition, read version, size) changes nothing.
DOC-2  Each change of a document and its event (``tapwater.document.*``, with before and after) are
       in one transaction: none without the other, in the order of the writes.
DOC-3  Versions rise with every change in the database, also over deleting and making anew.
DOC-4  commit() with ``reads`` happens only if each document is still in the version read (0: not
       there); otherwise Moved names those that are not.
DOC-5  find() gives exactly the documents that ``query.matches`` holds of, in the query's order,
       whichever indexes there are; pages by ``after`` neither repeat nor leave out what did not
       change meanwhile. A page ends at the limit or at ``bytes_max``, with one document at least.
DOC-6  A query that no index serves still answers while it need not look at more than
       ``looked_at_max`` documents, and says which index would serve it; beyond it is NeedsIndex.
DOC-7  An index is built in steps; commits go on meanwhile, and a query uses it only when it is
       ready. A write that does not fit an index is refused; what was there before makes it FAILED.
DOC-8  An expired document is not there for anybody from that moment on; sweep() removes it, with
       its event.
DOC-9  snapshot() gives documents and the event log's seq of one moment: what happened later is in
       the log behind that seq, and nothing before.
DOC-10 Apps do not see each other's documents or indexes; erase() takes all of one app and nothing
       of another.
DOC-11 Where a field says when a collection's documents end (put_ttl, declare_ttls), each write sets
       the end from what the field holds then, unless it names an end itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.happened import Cause
from tapwater_server.model.document.index import Index, IndexState
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.document.query import Query
from tapwater_server.model.document.write import Write
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.ids import AppId

LOOKED_AT_MAX = 20_000  # Documents one query may look at in vain, by default.
PATHS_MAX = 500  # Of one get().
PAGE_BYTES_MAX = 8 << 20  # Of one page, by default: it ends there, whatever the limit says.
GET_BYTES_MAX = 64 << 20  # Of one get().


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a query found. ``after`` leads to the next page; empty: there is none."""

    documents: Sequence[Document] = ()
    after: str = ""
    advice: Index | None = None
    looked_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many documents a query has, without its limit."""

    count: int
    advice: Index | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStats:
    """What the store did since it was opened."""

    commits: int = 0
    writes: int = 0
    refused: int = 0
    queries: int = 0
    advised: int = 0  # queries that no index served


class Documents(Protocol):
    """See the promises above."""

    async def commit(
        self,
        app: AppId,
        writes: Sequence[Write],
        *,
        reads: Mapping[DocPath, int] | None = None,
        cause: Cause = Cause(),  # noqa: B008  A frozen value.
    ) -> Sequence[Document | None]:
        """Write, and give each document as it is after its write.

        Raises:
            Moved: a condition or a read version does not hold.
            NotFound: an update of what is not there.
            Invalid: an operator does not fit what stands there; a list is too long for an index.
            TooLarge: a document would have more than ``DOCUMENT_BYTES_MAX``.
        """
        ...

    async def get(self, app: AppId, paths: Sequence[DocPath]) -> Sequence[Document | None]:
        """Read several at one moment, in the order asked.

        Raises:
            TooLarge: they have more than ``GET_BYTES_MAX`` together.
        """
        ...

    async def find(
        self,
        app: AppId,
        query: Query,
        *,
        looked_at_max: int = LOOKED_AT_MAX,
        bytes_max: int = PAGE_BYTES_MAX,
    ) -> Page: ...

    async def count(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> Counted: ...

    async def snapshot(
        self, app: AppId, query: Query, *, looked_at_max: int = LOOKED_AT_MAX
    ) -> tuple[Page, int]: ...

    async def collections(
        self,
        app: AppId,
        *,
        under: str = "",
        deep: bool = False,
        after: str = "",
        count_max: int = 100,
    ) -> Sequence[str]:
        """List collections that have documents: at the top, or of the document ``under``; with
        ``deep`` those further below too.
        """
        ...

    async def put_index(self, app: AppId, index: Index) -> IndexState:
        """Want an index; one that is there stays as it is, one that failed is begun anew.

        Raises:
            Invalid: there are too many.
        """
        ...

    async def drop_index(self, app: AppId, id: str) -> bool: ...

    async def indexes(self, app: AppId) -> Sequence[IndexState]: ...

    async def build_step(self, *, count_max: int = 500) -> bool:
        """Take one index that is being built a step further; say whether there is more to do."""
        ...

    async def sweep(self, *, count_max: int = 50) -> int:
        """Remove expired documents; say how many."""
        ...

    async def put_ttl(self, app: AppId, ttl: Ttl) -> None:
        """Let a field say when documents end, from the next write of each on.

        Raises:
            Invalid: there are too many.
        """
        ...

    async def declare_ttls(self, app: AppId, ttls: Sequence[Ttl]) -> None:
        """Put what an app's file says in the place of what it said before.

        Raises:
            Invalid: there are too many.
        """
        ...

    async def drop_ttl(self, app: AppId, name: str) -> bool: ...

    async def ttls(self, app: AppId) -> Sequence[Ttl]: ...

    async def erase(self, app: AppId) -> None: ...

    def stats(self) -> DocumentStats: ...


def check_together(size: int) -> None:
    """Refuse to read more at once than fits.

    Raises:
        TooLarge: it does not.
    """
    if size > GET_BYTES_MAX:
        raise TooLarge(f"these documents have more than {GET_BYTES_MAX} bytes: ask for fewer")
