"""Documents as values, and what can stand in a write in place of a value: ``increment(1)``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Doc:
    """A document: ``doc["name"]``, ``doc.data``, ``doc.id``, ``doc.version``."""

    path: str
    id: str
    collection: str
    version: int
    created_at: float
    updated_at: float
    expires_at: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def get(self, name: str, default: Any = None) -> Any:
        return self.data.get(name, default)


def read_doc(said: Mapping[str, Any]) -> Doc:
    """Read a document out of an answer."""
    return Doc(
        path=said["path"],
        id=said["id"],
        collection=said["collection"],
        version=said["version"],
        created_at=said["created_at"],
        updated_at=said["updated_at"],
        expires_at=said.get("expires_at", 0.0),
        data=said.get("data", {}),
    )


def increment(by: float = 1) -> dict[str, Any]:
    """Add to the number that stands there; nothing there counts as 0."""
    return {"$increment": by}


def array_union(*items: Any) -> dict[str, Any]:
    """Add to the list what is not in it."""
    return {"$union": list(items)}


def array_remove(*items: Any) -> dict[str, Any]:
    """Take out of the list whatever equals one of these."""
    return {"$remove": list(items)}


def delete_field() -> dict[str, Any]:
    """Remove the field."""
    return {"$delete": True}


def server_time() -> dict[str, Any]:
    """Write when the platform makes the change, in seconds since the epoch."""
    return {"$now": True}


def place(*names: str) -> str:
    r"""Write where a value lies, for names that have dots in them.

    >>> place("sizes", "2.5")
    'sizes.2\\.5'
    """
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in names)


def write_of(
    kind: str,
    path: str,
    data: Mapping[str, Any] | None = None,
    *,
    exists: bool | None = None,
    version: int | None = None,
    ttl: float | None = None,
    expires_at: float | None = None,
) -> dict[str, Any]:
    """Say one write of a commit."""
    given = {
        "data": None if data is None else dict(data),
        "ttl": ttl,
        "expires_at": expires_at,
        "if": _said({"exists": exists, "version": version}) or None,
    }
    return {kind: path, **_said(given)}


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def join(collection: str, *more: str) -> str:
    """Put a path together."""
    return "/".join((collection, *more))
