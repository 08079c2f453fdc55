"""Stores what was added up, on top of what is there; in the transaction of whoever calls."""

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from tapwater_server.backends.sqlite.adding import Added, merge
from tapwater_server.ports import stats
from tapwater_server.ports.ledger import DAY_S, HOUR_S, KEYS_A_DAY_MAX, Line, kept_key
from tapwater_server.ports.stats import STEPS_S, Tally

HOURS_KEPT_S = 62 * DAY_S  # Of the ledger; its days are kept for good.
TALLIES_KEPT_S: Mapping[int, int] = {60: 2 * DAY_S, 600: 14 * DAY_S, 3600: 90 * DAY_S}
_DAYS_KNOWN_MAX = 200  # Days x apps whose users and routes are in memory.

_SUM = """
SELECT amounts FROM sum WHERE step = :step AND at = :at AND project = :project AND app = :app
AND function = :function AND revision = :revision AND route = :route
"""
_PUT_SUM = """
INSERT OR REPLACE INTO sum (step, at, project, app, function, revision, route, amounts)
VALUES (:step, :at, :project, :app, :function, :revision, :route, :amounts)
"""
_USER = """
SELECT amounts FROM sum_user
WHERE at = :at AND project = :project AND app = :app AND user = :user
"""
_PUT_USER = """
INSERT OR REPLACE INTO sum_user (at, project, app, user, amounts)
VALUES (:at, :project, :app, :user, :amounts)
"""
_TALLY = """
SELECT calls FROM tally WHERE step = :step AND at = :at AND app = :app AND function = :function
AND revision = :revision AND route = :route
"""
_PUT_TALLY = """
INSERT OR REPLACE INTO tally (step, at, app, function, revision, route, calls)
VALUES (:step, :at, :app, :function, :revision, :route, :calls)
"""
_USERS = "SELECT DISTINCT user FROM sum_user WHERE at = :at AND app = :app LIMIT :count_max"
_ROUTES = """
SELECT DISTINCT route FROM sum WHERE step = 86400 AND at = :at AND app = :app LIMIT :count_max
"""
_DROP_HOURS = "DELETE FROM sum WHERE step = 3600 AND at < :until"
_DROP_TALLIES = "DELETE FROM tally WHERE step = :step AND at < :until"

_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
decode_amounts = msgspec.msgpack.Decoder(dict[str, float]).decode
decode_tally = msgspec.msgpack.Decoder(Tally).decode


def stored_amounts(raw: bytes) -> dict[str, float]:
    """Read a sum. One that the disk has spoilt is lost: it must not keep all others from going on,
    and is told of.
    """
    try:
        return decode_amounts(raw)
    except (msgspec.MsgspecError, ValueError, TypeError):
        _log.error("a sum of the ledger is damaged, and lost")
        return {}


def stored_tally(raw: bytes) -> Tally:
    """Read the calls of a step, as far as they can be read."""
    try:
        return decode_tally(raw)
    except (msgspec.MsgspecError, ValueError, TypeError):
        _log.error("the numbers of a step are damaged, and lost")
        return Tally()


class Sums:
    """Knows which users and routes have sums of their own today."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, str], set[str]] = {}

    def forget(self) -> None:
        """What was stored last is not: look again."""
        self._known.clear()

    def store(self, connection: sqlite3.Connection, added: Added) -> None:
        """Add it to what is stored."""
        added.settle()
        for step in (HOUR_S, DAY_S):
            lines: dict[Line, dict[str, float]] = defaultdict(dict)
            for line, amounts in added.sums.items():
                route = self._kept(connection, "route", line, line.route)
                at = line.at // step * step
                merge(lines[line._replace(at=at, route=route)], amounts)
            for line, amounts in lines.items():
                _put(connection, _SUM, _PUT_SUM, {"step": step, **line._asdict()}, amounts)
        users: dict[Line, dict[str, float]] = defaultdict(dict)
        for line, amounts in added.users.items():
            user = self._kept(connection, "user", line, line.user)
            merge(users[line._replace(user=user)], amounts)
        for line, amounts in users.items():
            _put(connection, _USER, _PUT_USER, line._asdict(), amounts)
        self._tallies(connection, added.tallies)

    def _tallies(self, connection: sqlite3.Connection, tallies: Mapping[stats.Line, Tally]) -> None:
        for step in STEPS_S:
            lines: dict[stats.Line, Tally] = defaultdict(Tally)
            for line, tally in tallies.items():
                route = self._kept(connection, "route", line, line.route)
                lines[line._replace(at=line.at // step * step, route=route)].add(tally)
            for line, tally in lines.items():
                place = {"step": step, **line._asdict()}
                row = connection.execute(_TALLY, place).fetchone()
                if row is not None:
                    tally.add(stored_tally(row[0]))
                connection.execute(_PUT_TALLY, {**place, "calls": _encode(tally)})

    def _kept(
        self, connection: sqlite3.Connection, what: str, line: Line | stats.Line, text: str
    ) -> str:
        """Give the user or route, or "(other)" where an app has had too many of them today."""
        if not text:
            return text
        day = line.at // DAY_S * DAY_S
        known = self._known.get((what, day, line.app))
        if known is None:
            if len(self._known) >= _DAYS_KNOWN_MAX:
                self._known.clear()
            place = {"at": day, "app": line.app, "count_max": KEYS_A_DAY_MAX}
            rows = connection.execute(_USERS if what == "user" else _ROUTES, place)
            self._known[what, day, line.app] = known = {text for (text,) in rows}
        return kept_key(known, text)


def _put(
    connection: sqlite3.Connection,
    read: str,
    write: str,
    place: dict[str, Any],
    amounts: dict[str, float],
) -> None:
    row = connection.execute(read, place).fetchone()
    if row is not None:
        merge(amounts, stored_amounts(row[0]))
    connection.execute(write, {**place, "amounts": _encode(amounts)})


def prune(connection: sqlite3.Connection, *, now: float, tallies_s: float) -> None:
    """Drop hours that days stand for, and tallies of old; those of hours not before their time."""
    connection.execute(_DROP_HOURS, {"until": now - HOURS_KEPT_S})
    for step, kept_s in TALLIES_KEPT_S.items():
        if step == STEPS_S[-1]:
            kept_s = max(kept_s, int(tallies_s))
        connection.execute(_DROP_TALLIES, {"step": step, "until": now - kept_s})
