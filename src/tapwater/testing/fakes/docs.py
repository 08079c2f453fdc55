"""Documents in memory, with a clock wound by hand: ``fake.now += 60``."""

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from tapwater.services.transport import Reply, Request, ServiceError
from tapwater.testing.fakes.answering import body_of, conflict, invalid, not_found, too_large
from tapwater.testing.fakes.docs_data import MISSING, matches, merged, names_of, pick, placed, rank

_BYTES_MAX = 1 << 20
_WRITES_MAX = 500
_KINDS = ("set", "merge", "update", "delete")


@dataclass
class FakeDocs:
    """``documents`` has all of them by path, as the API shows them."""

    prefixes: tuple[str, ...] = ("/docs", "/docs-query", "/docs-get", "/docs-commit")
    now: float = 1_800_000_000.0
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    _versions: "count[int]" = field(default_factory=lambda: count(1))
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def send(self, request: Request) -> Reply:
        """Answer as the platform would.

        Raises:
            ServiceError: it says no.
        """
        with self._turn:
            return self._answer(request)

    def _answer(self, request: Request) -> Reply:
        first, _, rest = request.path.strip("/").partition("/")
        path = "/".join(unquote(part) for part in rest.split("/"))
        if first == "docs":
            return self._single(request, path)
        if first == "docs-query":
            return _json(self._query(body_of(request)))
        if first == "docs-get":
            return _json({"documents": [self._alive(p) for p in body_of(request)["paths"]]})
        if first == "docs-commit":
            return _json(self._commit(body_of(request)))
        raise not_found(f"no service has anything at {request.path}")

    def _single(self, request: Request, path: str) -> Reply:
        if request.method == "GET" and not path:
            return _json(self._collections(request.query.get("under", "")))
        if request.method == "GET":
            found = self._alive(_document(path))
            if found is None:
                raise not_found(f"there is no document {path}")
            return _json(found)
        if request.method == "POST":
            path = f"{_collection(path)}/{next(self._ids):026d}"
        kind = "merge" if request.method == "PATCH" else "set"
        write: dict[str, Any] = {kind: path, "data": body_of(request)}
        if request.method == "DELETE":
            write = {"delete": path}
        if "ttl" in request.query:
            write["ttl"] = float(request.query["ttl"])
        (written,) = self._write([write], {})
        if written is None:
            return Reply(status=204)
        return _json(written, status=201 if request.method == "POST" else 200)

    def _collections(self, under: str) -> dict[str, Any]:
        prefix = f"{under}/" if under else ""
        found = {path.rpartition("/")[0] for path in self.documents if self._alive(path)}
        names = [
            each for each in found if each.startswith(prefix) and "/" not in each[len(prefix) :]
        ]
        return {"collections": sorted(names), "after": ""}

    def _alive(self, path: str) -> dict[str, Any] | None:
        found = self.documents.get(_document(path))
        if found is None or 0 < found.get("expires_at", 0) <= self.now:
            return None
        return found

    def _commit(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        written = self._write(asked["writes"], asked.get("reads", {}))
        return {
            "written": [
                {name: value for name, value in each.items() if name != "data"} if each else None
                for each in written
            ]
        }

    def _write(
        self, writes: Sequence[Mapping[str, Any]], reads: Mapping[str, int]
    ) -> list[dict[str, Any] | None]:
        """Make all writes, or none."""
        if len(writes) > _WRITES_MAX:
            raise invalid(f"writes: at most {_WRITES_MAX}")
        for path, version in reads.items():
            if self._version(path) != version:
                raise conflict(f"{path} was read in version {version} and has changed since")
        before = dict(self.documents)
        try:
            return [self._one(write) for write in writes]
        except ServiceError:
            self.documents = before
            raise

    def _version(self, path: str) -> int:
        found = self._alive(path)
        return found["version"] if found else 0

    def _one(self, write: Mapping[str, Any]) -> dict[str, Any] | None:
        ((kind, path),) = [(kind, write[kind]) for kind in _KINDS if kind in write]
        old = self._alive(_document(path))
        self._check(kind, path, old, write.get("if", {}))
        if kind == "delete":
            self.documents.pop(path, None)
            return None
        data = self._data(kind, write.get("data", {}), old["data"] if old else {})
        if len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()) > _BYTES_MAX:
            raise too_large(f"{path} is too large; a document has at most {_BYTES_MAX} bytes")
        new = self.documents[path] = self._made(path, data, old, write)
        return new

    def _check(self, kind: str, path: str, old: Any, wanted: Mapping[str, Any]) -> None:
        exists, version = wanted.get("exists"), wanted.get("version")
        if exists is False and old is not None:
            raise conflict(f"{path} exists already, in version {old['version']}")
        if old is None and (exists is True or kind == "update"):
            raise not_found(f"there is no document {path}")
        if version is not None and self._version(path) != version:
            raise conflict(f"{path} is in another version, not in version {version}")

    def _data(self, kind: str, data: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        data = json.loads(json.dumps(data, allow_nan=False))
        if kind == "set":
            return merged({}, data, self.now)
        if kind == "merge":
            return merged(old, data, self.now)
        new = dict(old)
        for name, value in data.items():
            new = placed(new, names_of(name), value, self.now)
        return new

    def _made(
        self, path: str, data: dict[str, Any], old: Any, write: Mapping[str, Any]
    ) -> dict[str, Any]:
        collection, _, id = path.rpartition("/")
        ends = old.get("expires_at", 0.0) if old else 0.0
        if "ttl" in write:
            ends = self.now + write["ttl"] if write["ttl"] else 0.0
        made = {
            "path": path,
            "id": id,
            "collection": collection,
            "version": next(self._versions),
            "created_at": old["created_at"] if old else self.now,
            "updated_at": self.now,
            "expires_at": write.get("expires_at", ends),
            "data": data,
        }
        if not made["expires_at"]:
            del made["expires_at"]
        return made

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            each
            for path in list(self.documents)
            if (each := self._alive(path)) is not None
            and _belongs(each["collection"], asked)
            and all(matches(one, each["data"]) for one in asked.get("where", []))
        ]
        if asked.get("count"):
            return {"count": len(found)}
        _sort(found, _orders(asked))
        first = _position(found, asked.get("after", ""))
        limit = asked.get("limit", 100)
        if not 1 <= limit <= 1000:
            raise invalid("limit: must be from 1 to 1000")
        page = found[first : first + limit]
        after = _cursor(page[-1]) if first + limit < len(found) else ""
        return {"documents": [_selected(each, asked) for each in page], "after": after}


def _json(value: Any, *, status: int = 200) -> Reply:
    headers = {"content-type": "application/json"}
    return Reply(status=status, headers=headers, body=json.dumps(value).encode())


def _document(path: str) -> str:
    parts = path.split("/")
    if len(parts) % 2 or not all(parts):
        raise invalid(f"{path!r} is no document: write COLLECTION/ID")
    return path


def _collection(path: str) -> str:
    parts = path.split("/")
    if not len(parts) % 2 or not all(parts):
        raise invalid(f"{path!r} is no collection")
    return path


def _belongs(collection: str, asked: Mapping[str, Any]) -> bool:
    named = collection.rpartition("/")[2] if asked.get("group") else collection
    return bool(named == asked["collection"])


def _orders(asked: Mapping[str, Any]) -> list[str]:
    """The order that holds, said or not."""
    orders: list[str] = asked.get("order_by", [])
    ranges = [
        one[0]
        for one in asked.get("where", [])
        if isinstance(one, list) and one[1] in ("<", "<=", ">", ">=", "starts with")
    ]
    return orders or ranges[:1]


def _sort(found: list[dict[str, Any]], orders: list[str]) -> None:
    falling = bool(orders) and orders[-1].startswith("-")
    found.sort(key=lambda each: (each["collection"], each["id"]), reverse=falling)
    for order in reversed(orders):
        names = names_of(order.removeprefix("-"))

        def key(each: dict[str, Any], names: list[str] = names) -> Any:
            return rank(pick(each["data"], names))

        found.sort(key=key, reverse=order.startswith("-"))


def _cursor(last: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(last["path"].encode()).decode()


def _position(found: Sequence[Mapping[str, Any]], after: str) -> int:
    if not after:
        return 0
    paths = [each["path"] for each in found]
    path = base64.urlsafe_b64decode(after).decode()
    if path not in paths:
        raise invalid("after is the cursor of another query")
    return paths.index(path) + 1


def _selected(document: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    if not asked.get("select"):
        return document
    kept: dict[str, Any] = {}
    for place in asked["select"]:
        value = pick(document["data"], names := names_of(place))
        if value is MISSING:
            continue
        kept = placed(kept, names, value, 0.0)
    return {**document, "data": kept}
