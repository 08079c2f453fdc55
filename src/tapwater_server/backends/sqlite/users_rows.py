"""The tables of users, one statement each: rows in, values out, on a connection one is given."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import ApiKey, Code, Link, Purpose, Session, User
from tapwater_server.ports.users import Offer, Wanted
from tapwater_server.ports.users_held import Refused

_INSERT = """
INSERT INTO app_user (app, id, email, version, disabled, body)
VALUES (:app, :id, :email, :version, :disabled, :body)
"""
_UPDATE = """
UPDATE app_user SET email = :email, version = :version, disabled = :disabled, body = :body
WHERE app = :app AND id = :id
"""
_FIND = "SELECT body FROM app_user WHERE app = :app AND id = :id"
_FIND_BY_EMAIL = "SELECT body FROM app_user WHERE app = :app AND email = :email AND email <> ''"
_FIND_LINKED = """
SELECT body FROM app_user_link AS link JOIN app_user AS one
    ON one.app = link.app AND one.id = link.user
WHERE link.app = :app AND link.issuer = :issuer AND link.subject = :subject
"""
_LIST = """
SELECT body FROM app_user
WHERE app = :app AND id > :after
  AND (:disabled IS NULL OR disabled = :disabled)
  AND instr(email, :email_contains) > 0
  AND (:role = '' OR EXISTS (SELECT 1 FROM json_each(body, '$.roles') WHERE value = :role))
ORDER BY id LIMIT :count_max
"""
_DELETE = "DELETE FROM app_user WHERE app = :app AND id = :id"
_LINK = """
INSERT INTO app_user_link (app, issuer, subject, user) VALUES (:app, :issuer, :subject, :user)
"""
_UNLINK = "DELETE FROM app_user_link WHERE app = :app AND user = :user"
_FORGET_CODES = "DELETE FROM app_user_code WHERE app = :app AND user = :user"
_DELETE_KEYS = "DELETE FROM app_user_key WHERE app = :app AND user = :user"
_DELETE_OF_USER = (
    _UNLINK,
    _FORGET_CODES,
    "DELETE FROM app_user_session WHERE app = :app AND user = :user",
    "DELETE FROM app_user_spent WHERE app = :app AND user = :user",
    _DELETE_KEYS,
)

_REPLACE_CODES = """
DELETE FROM app_user_code WHERE app = :app AND user = :user AND purpose = :purpose
"""
_PUT_CODE = """
INSERT INTO app_user_code (app, hash, user, purpose, email, expires_at)
VALUES (:app, :hash, :user, :purpose, :email, :expires_at)
"""
_TAKE_CODE = """
DELETE FROM app_user_code WHERE app = :app AND hash = :hash AND purpose = :purpose
RETURNING user, email, expires_at
"""

_INSERT_SESSION = """
INSERT INTO app_user_session (id, app, user, hash, opened_at, used_at, expires_at, agent)
VALUES (:id, :app, :user, :hash, :opened_at, :used_at, :expires_at, :agent)
"""
_SESSIONS = """
SELECT id, app, user, hash, opened_at, used_at, expires_at, agent FROM app_user_session
WHERE app = :app AND user = :user ORDER BY opened_at DESC, id DESC
"""
_TURN_IN = """
UPDATE app_user_session SET hash = :fresh, used_at = :now
WHERE app = :app AND hash = :hash AND expires_at > :now
RETURNING id, app, user, hash, opened_at, used_at, expires_at, agent
"""
_SPEND = """
INSERT INTO app_user_spent (app, hash, session, user, expires_at, spent_at, next, salt)
VALUES (:app, :hash, :session, :user, :expires_at, :now, :next, :salt)
"""
_SPENT = (
    "SELECT session, spent_at, next, salt FROM app_user_spent WHERE app = :app AND hash = :hash"
)
_NEWEST = """
SELECT id, app, user, hash, opened_at, used_at, expires_at, agent FROM app_user_session
WHERE app = :app AND hash = :hash AND expires_at > :now
"""
_END = "DELETE FROM app_user_session WHERE app = :app AND id = :id"
_FORGET_SPENT = "DELETE FROM app_user_spent WHERE app = :app AND session = :id"

_INSERT_KEY = """
INSERT INTO app_user_key (app, id, hash, name, user, roles, created_at, expires_at, used_at)
VALUES (:app, :id, :hash, :name, :user, :roles, :created_at, :expires_at, :used_at)
"""
_KEYS = "SELECT app, id, hash, name, user, roles, created_at, expires_at, used_at FROM app_user_key"
_MARK_USED = "UPDATE app_user_key SET used_at = :at WHERE app = :app AND id = :id"
_COUNT_KEYS = "SELECT count(*) FROM app_user_key WHERE app = :app"
_DELETE_KEY = "DELETE FROM app_user_key WHERE app = :app AND id = :id"

_REFUSE = """
INSERT INTO app_user_refused (app, subject, generation, until)
VALUES (:app, :subject, :generation, :until)
ON CONFLICT (app, subject) DO UPDATE SET generation = :generation, until = :until
"""
_REFUSED = "SELECT app, subject, generation, until FROM app_user_refused"

_SWEEP = (
    "DELETE FROM app_user_code WHERE expires_at <= :now",
    "DELETE FROM app_user_session WHERE expires_at <= :now",
    "DELETE FROM app_user_spent WHERE expires_at <= :now",
    "DELETE FROM app_user_refused WHERE until <= :now",
)
_ERASE = (
    "DELETE FROM app_user WHERE app = :app",
    "DELETE FROM app_user_link WHERE app = :app",
    "DELETE FROM app_user_code WHERE app = :app",
    "DELETE FROM app_user_session WHERE app = :app",
    "DELETE FROM app_user_spent WHERE app = :app",
    "DELETE FROM app_user_key WHERE app = :app",
    "DELETE FROM app_user_refused WHERE app = :app",
)


def insert_user(connection: sqlite3.Connection, user: User) -> None:
    """Raises Conflict: the address or a link is another's."""
    _write_user(connection, _INSERT, user)


def update_user(connection: sqlite3.Connection, user: User) -> None:
    """Raises Conflict: the address or a link is another's."""
    connection.execute(_UNLINK, {"app": user.app, "user": user.id})
    _write_user(connection, _UPDATE, user)


def _write_user(connection: sqlite3.Connection, statement: str, user: User) -> None:
    row = {
        "app": user.app,
        "id": user.id,
        "email": user.email,
        "version": user.version,
        "disabled": user.disabled,
        "body": msgspec.json.encode(user).decode(),
    }
    try:
        connection.execute(statement, row)
    except sqlite3.IntegrityError:
        raise Conflict("this address is taken") from None
    try:
        for link in user.links:
            about = {"app": user.app, "user": user.id}
            connection.execute(_LINK, {**about, "issuer": link.issuer, "subject": link.subject})
    except sqlite3.IntegrityError:
        raise Conflict("this identity is another user's") from None


def find_user(connection: sqlite3.Connection, app: AppId, id: str) -> User | None:
    return _user(connection.execute(_FIND, {"app": app, "id": id}).fetchone())


def find_user_by_email(connection: sqlite3.Connection, app: AppId, email: str) -> User | None:
    return _user(connection.execute(_FIND_BY_EMAIL, {"app": app, "email": email}).fetchone())


def find_linked(connection: sqlite3.Connection, app: AppId, link: Link) -> User | None:
    row = {"app": app, "issuer": link.issuer, "subject": link.subject}
    return _user(connection.execute(_FIND_LINKED, row).fetchone())


def list_users(
    connection: sqlite3.Connection, app: AppId, wanted: Wanted, *, after: str, count_max: int
) -> list[User]:
    row = {
        "app": app,
        "after": after,
        "count_max": count_max,
        "role": wanted.role,
        "email_contains": wanted.email_contains,
        "disabled": wanted.disabled,
    }
    return [_read_user(body) for (body,) in connection.execute(_LIST, row)]


def delete_user(connection: sqlite3.Connection, app: AppId, id: str) -> bool:
    for statement in _DELETE_OF_USER:
        connection.execute(statement, {"app": app, "user": id})
    return connection.execute(_DELETE, {"app": app, "id": id}).rowcount > 0


def put_code(connection: sqlite3.Connection, code: Code) -> None:
    row = msgspec.to_builtins(code, builtin_types=(bytes,))
    connection.execute(_REPLACE_CODES, row)
    connection.execute(_PUT_CODE, row)


def take_code(
    connection: sqlite3.Connection, app: AppId, hash: bytes, purpose: Purpose
) -> Code | None:
    row = {"app": app, "hash": hash, "purpose": purpose.value}
    found = connection.execute(_TAKE_CODE, row).fetchone()
    if found is None:
        return None
    user, email, expires_at = found
    return Code(app=app, hash=hash, user=user, purpose=purpose, email=email, expires_at=expires_at)


def forget_codes(connection: sqlite3.Connection, app: AppId, user: str) -> None:
    connection.execute(_FORGET_CODES, {"app": app, "user": user})


def insert_session(connection: sqlite3.Connection, session: Session) -> None:
    connection.execute(_INSERT_SESSION, msgspec.to_builtins(session, builtin_types=(bytes,)))


def list_sessions(connection: sqlite3.Connection, app: AppId, user: str) -> list[Session]:
    found = connection.execute(_SESSIONS, {"app": app, "user": user})
    return [_session(row) for row in found.fetchall()]


def end_session(connection: sqlite3.Connection, app: AppId, id: str) -> None:
    connection.execute(_END, {"app": app, "id": id})
    connection.execute(_FORGET_SPENT, {"app": app, "id": id})


def end_oldest(connection: sqlite3.Connection, app: AppId, user: str, *, count_max: int) -> None:
    for session in list_sessions(connection, app, user)[count_max:]:
        end_session(connection, app, session.id)


@dataclass(frozen=True, slots=True)
class Spent:
    """A refresh token that was turned in: for which session and when, and what came after it."""

    session: str
    at: float
    next: bytes
    salt: bytes


def find_spent(connection: sqlite3.Connection, app: AppId, hash: bytes) -> Spent | None:
    found = connection.execute(_SPENT, {"app": app, "hash": hash}).fetchone()
    return None if found is None else Spent(*found)


def still_newest(
    connection: sqlite3.Connection, app: AppId, spent: Spent, *, now: float, grace_s: float
) -> Session | None:
    """Give the session if the token was turned in just now, and nobody has used its successor."""
    if abs(now - spent.at) > grace_s:
        return None
    found = connection.execute(_NEWEST, {"app": app, "hash": spent.next, "now": now}).fetchone()
    return None if found is None else _session(found)


def turn_in(
    connection: sqlite3.Connection, app: AppId, hash: bytes, *, offer: Offer, now: float
) -> Session | None:
    row = {"app": app, "hash": hash, "fresh": offer.hash, "now": now}
    found = connection.execute(_TURN_IN, row).fetchone()
    if found is None:
        return None
    session = _session(found)
    spent = {"session": session.id, "user": session.user, "expires_at": session.expires_at}
    after = {"next": offer.hash, "salt": offer.salt, "now": now}
    connection.execute(_SPEND, {"app": app, "hash": hash, **spent, **after})
    return session


def insert_key(connection: sqlite3.Connection, key: ApiKey) -> None:
    row = msgspec.to_builtins(key, builtin_types=(bytes,))
    connection.execute(_INSERT_KEY, {**row, "roles": " ".join(key.roles)})


def all_keys(connection: sqlite3.Connection) -> list[ApiKey]:
    return [
        ApiKey(
            app=AppId(app),
            id=id,
            hash=hash,
            name=name,
            user=user,
            roles=tuple(roles.split()),
            created_at=created_at,
            expires_at=expires_at,
            used_at=used_at,
        )
        for app, id, hash, name, user, roles, created_at, expires_at, used_at in connection.execute(
            _KEYS
        )
    ]


def mark_used(connection: sqlite3.Connection, used: Mapping[tuple[AppId, str], float]) -> None:
    for (app, id), at in used.items():
        connection.execute(_MARK_USED, {"app": app, "id": id, "at": at})


def count_keys(connection: sqlite3.Connection, app: AppId) -> int:
    (count,) = connection.execute(_COUNT_KEYS, {"app": app}).fetchone()
    return int(count)


def delete_keys(connection: sqlite3.Connection, app: AppId, user: str) -> None:
    connection.execute(_DELETE_KEYS, {"app": app, "user": user})


def delete_key(connection: sqlite3.Connection, app: AppId, id: str) -> bool:
    return connection.execute(_DELETE_KEY, {"app": app, "id": id}).rowcount > 0


def refuse(connection: sqlite3.Connection, app: AppId, marks: Iterable[Refused]) -> None:
    for mark in marks:
        row = {"subject": mark.subject, "generation": mark.generation, "until": mark.until}
        connection.execute(_REFUSE, {"app": app, **row})


def all_refused(connection: sqlite3.Connection) -> list[tuple[AppId, Refused]]:
    return [
        (AppId(app), Refused(subject=subject, generation=generation, until=until))
        for app, subject, generation, until in connection.execute(_REFUSED)
    ]


def sweep(connection: sqlite3.Connection, now: float) -> int:
    return sum(connection.execute(statement, {"now": now}).rowcount for statement in _SWEEP)


def erase(connection: sqlite3.Connection, app: AppId) -> None:
    for statement in _ERASE:
        connection.execute(statement, {"app": app})


def _user(row: Sequence[str] | None) -> User | None:
    return None if row is None else _read_user(row[0])


def _read_user(body: str) -> User:
    return msgspec.json.decode(body, type=User)


def _session(row: Sequence[object]) -> Session:
    names = ("id", "app", "user", "hash", "opened_at", "used_at", "expires_at", "agent")
    return Session(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
