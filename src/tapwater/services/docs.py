"""Documents: ``docs.set("users/42", {...})``, ``docs.query("users").where("age", ">", 3)``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tapwater.services import docs_writing as writing
from tapwater.services.docs_query import Page, Query
from tapwater.services.docs_values import (
    Doc,
    array_remove,
    array_union,
    delete_field,
    increment,
    join,
    place,
    read_doc,
    server_time,
    write_of,
)
from tapwater.services.docs_writing import Batch, Transaction
from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import ServiceError, Transport

if TYPE_CHECKING:
    from tapwater.services.docs_watch import Change

__all__ = [
    "Batch",
    "Collection",
    "Doc",
    "Docs",
    "Page",
    "Query",
    "Transaction",
    "array_remove",
    "array_union",
    "delete_field",
    "increment",
    "place",
    "server_time",
]

T = TypeVar("T")
ATTEMPTS_MAX = 10


class Docs:
    """The documents of an app."""

    increment = staticmethod(increment)
    array_union = staticmethod(array_union)
    array_remove = staticmethod(array_remove)
    delete_field = staticmethod(delete_field)
    server_time = staticmethod(server_time)
    place = staticmethod(place)

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, path: str) -> Doc | None:
        """Read a document; None: there is none."""
        try:
            return read_doc(ask_json(self._transport, "GET", path_of(path)))
        except ServiceError as error:
            if error.code == "not_found":
                return None
            raise

    def get_many(self, paths: Iterable[str]) -> list[Doc | None]:
        """Read up to 500 documents at one moment."""
        return writing.get_many(self._transport, list(paths))

    def add(self, collection: str, data: Mapping[str, Any], *, ttl: float | None = None) -> Doc:
        """Add a document under a new id; ids made later sort later."""
        query = {"ttl": ttl}
        return read_doc(
            ask_json(self._transport, "POST", path_of(collection), dict(data), query=query)
        )

    def set(
        self,
        path: str,
        data: Mapping[str, Any],
        *,
        merge: bool = False,
        version: int | None = None,
        ttl: float | None = None,
        expires_at: float | None = None,
    ) -> int:
        """Write a whole document and give its version.

        ``merge``: put these fields into what is there, objects into objects. ``version``: only if
        the document is in this version (0: not there). ``ttl``: seconds until it ends.
        """
        kind = "merge" if merge else "set"
        return self._one(
            write_of(kind, path, data, version=version, ttl=ttl, expires_at=expires_at)
        )

    def create(self, path: str, data: Mapping[str, Any], *, ttl: float | None = None) -> int:
        """Write a document that must not be there yet (else ``conflict``)."""
        return self._one(write_of("set", path, data, exists=False, ttl=ttl))

    def update(
        self,
        path: str,
        data: Mapping[str, Any],
        *,
        version: int | None = None,
        ttl: float | None = None,
    ) -> int:
        """Change fields of a document that must be there: ``{"address.city": "Ulm"}``."""
        return self._one(write_of("update", path, data, version=version, ttl=ttl))

    def delete(self, path: str, *, version: int | None = None) -> None:
        """Remove a document, if it is there; its sub-collections stay."""
        writing.commit(self._transport, [write_of("delete", path, version=version)], {})

    def collection(self, path: str) -> "Collection":
        return Collection(self, path)

    def query(self, collection: str) -> Query:
        """Ask for documents of one collection."""
        return Query(self._transport, collection)

    def group(self, name: str) -> Query:
        """Ask for documents of all collections of this name, wherever they are."""
        return Query(self._transport, name, group=True)

    def collections(self, under: str = "") -> list[str]:
        """List the collections at the top, or of a document."""
        found: list[str] = []
        after = ""
        while True:
            query = {"under": under, "after": after}
            said = ask_json(self._transport, "GET", "/docs", query=query)
            found += said["collections"]
            after = said["after"]
            if not after:
                return found

    def batch(self) -> Batch:
        """Gather up to 500 writes that happen together or not at all."""
        return Batch(self._transport)

    def transaction(self, work: Callable[[Transaction], T], *, attempts: int = ATTEMPTS_MAX) -> T:
        """Run ``work(transaction)``: read and write on what it is given. It is run again when
        somebody else changed what it read, so it must do nothing else.
        """
        return writing.run(self._transport, work, attempts=attempts)

    def watch(self, path: str, *, token: str = "") -> "Iterator[Change]":
        """Follow a document or a collection, from outside a function: first what is there, then
        every change. Each comes with a token to go on from.
        """
        from tapwater.services.docs_watch import watch_path

        return watch_path(self._transport, path_of(path), token)

    def _one(self, write: dict[str, Any]) -> int:
        (written,) = writing.commit(self._transport, [write], {})
        return int(written["version"]) if written else 0


class Collection(Query):
    """One collection: a query for all of it, and the way to its documents."""

    def __init__(self, docs: Docs, path: str) -> None:
        super().__init__(docs._transport, path)
        self._docs, self.path = docs, path

    def get(self, id: str) -> Doc | None:
        return self._docs.get(join(self.path, id))

    def add(self, data: Mapping[str, Any], *, ttl: float | None = None) -> Doc:
        return self._docs.add(self.path, data, ttl=ttl)

    def set(self, id: str, data: Mapping[str, Any], **how: Any) -> int:
        return self._docs.set(join(self.path, id), data, **how)

    def create(self, id: str, data: Mapping[str, Any], **how: Any) -> int:
        return self._docs.create(join(self.path, id), data, **how)

    def update(self, id: str, data: Mapping[str, Any], **how: Any) -> int:
        return self._docs.update(join(self.path, id), data, **how)

    def delete(self, id: str, **how: Any) -> None:
        self._docs.delete(join(self.path, id), **how)


def path_of(path: str) -> str:
    """Quote the parts of a document's path.

    >>> path_of("users/a b")
    '/docs/users/a%20b'
    """
    return path_to("docs", *path.split("/"))
