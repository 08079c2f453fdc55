"""Which field of a collection's documents says when they end: kept beside them."""

import sqlite3
from collections.abc import Sequence

from tapwater_server.model.document.expiry import TTLS_MAX, Ttl
from tapwater_server.model.document.paths import parse_field, write_field
from tapwater_server.model.errors import Invalid

_ALL = "SELECT name, field, declared FROM doc_ttl WHERE app = :app ORDER BY name"
_OF = "SELECT name, field, declared FROM doc_ttl WHERE app = :app AND name = :name"
_PUT = """
INSERT INTO doc_ttl (app, name, field, declared) VALUES (:app, :name, :field, :declared)
ON CONFLICT (app, name) DO UPDATE SET field = :field, declared = :declared
"""
_DROP = "DELETE FROM doc_ttl WHERE app = :app AND name = :name"
_DROP_DECLARED = "DELETE FROM doc_ttl WHERE app = :app AND declared = 1"
_DROP_ALL = "DELETE FROM doc_ttl WHERE app = :app"


def all_ttls(connection: sqlite3.Connection, app: str) -> Sequence[Ttl]:
    """List those of an app."""
    return [_read(row) for row in connection.execute(_ALL, {"app": app})]


def ttl_of(connection: sqlite3.Connection, app: str, name: str) -> Ttl | None:
    """Find the one of a collection's name."""
    row = connection.execute(_OF, {"app": app, "name": name}).fetchone()
    return _read(row) if row else None


def put_ttl(connection: sqlite3.Connection, app: str, ttl: Ttl) -> None:
    """Let a field say when documents end, from the next write of each on."""
    known = {each.name for each in all_ttls(connection, app)}
    if len(known | {ttl.name}) > TTLS_MAX:
        raise Invalid(f"at most {TTLS_MAX} collections can have one")
    row = {"app": app, "name": ttl.name, "field": write_field(ttl.field), "declared": ttl.declared}
    connection.execute(_PUT, row)


def declare_ttls(connection: sqlite3.Connection, app: str, ttls: Sequence[Ttl]) -> None:
    """Put what an app's file says in the place of what it said before."""
    connection.execute(_DROP_DECLARED, {"app": app})
    for each in ttls:
        put_ttl(connection, app, each)


def drop_ttl(connection: sqlite3.Connection, app: str, name: str) -> bool:
    """Let documents end no more by a field."""
    return connection.execute(_DROP, {"app": app, "name": name}).rowcount > 0


def drop_ttls(connection: sqlite3.Connection, app: str) -> None:
    """Forget all those of an app."""
    connection.execute(_DROP_ALL, {"app": app})


def _read(row: tuple[str, str, int]) -> Ttl:
    name, field, declared = row
    return Ttl(name=name, field=parse_field(field), declared=bool(declared))
