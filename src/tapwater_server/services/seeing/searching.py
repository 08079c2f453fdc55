"""What a question to the logs and records means: from the parameters of a query to ``Asked``."""

from collections.abc import Mapping
from typing import TypedDict

from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Ending
from tapwater_server.ports.meter import Asked as Wanted
from tapwater_server.web.asked import Asked
from tapwater_server.web.node import app_in_query

LIMIT_MAX = 10_000
TIME_MAX = 1e11  # Seconds since the epoch: the year 5138.
FIELDS_MAX = 8
TEXT_CHARS_MAX = 1000
_SEQ_MAX = 2**53
_TOOK_MS_MAX = 1e10
_FIELD = "field."
LEVELS = ("debug", "info", "warning", "error", "platform")
_ENDINGS = ("failed", *(ending.value for ending in Ending))

_COMMON = {
    "app": "only this app's",
    "function": "only this function's (group/name)",
    "trace": "only what belongs to this trace (32 hex digits)",
    "since": "only from this time on (seconds since the epoch)",
    "until": "only up to this time",
    "limit": f"how many at most (100; up to {LIMIT_MAX})",
}
LOGS_QUERY = {
    **_COMMON,
    "invocation": "only this call's",
    "level": f"only this level's: {', '.join(LEVELS)}",
    "text": "only lines that contain this",
    "field.NAME": "only lines whose field NAME is this, as in field.order=17",
    "after": "only what comes after this seq",
    "before": "only what came before this seq: the page before",
    "follow": "true: an endless stream of lines (NDJSON)",
}
RECORDS_QUERY = {
    **_COMMON,
    "ending": f"only calls that ended so: {', '.join(_ENDINGS)}",
    "fault": "only calls of this group of errors",
    "user": "only calls of this user (id)",
    "route": "only calls of this route, as deployed: /users-api/{id}",
    "revision": "only calls of this revision",
    "took_min": "only calls that took at least so many milliseconds",
    "before": "only calls older than this one (id): the next page",
}


class _Common(TypedDict):
    app: AppId | None
    function: str | None
    trace: str | None
    since: float | None
    until: float | None
    count_max: int


def wanted_lines(asked: Asked) -> Wanted:
    """Read which log lines are asked for.

    Raises:
        Invalid: a parameter means nothing.
        NotFound: the app is not for who asks.
    """
    level = asked.text("level")
    if level is not None and level not in LEVELS:
        raise Invalid(f"there is no level {level[:20]!r} (there are: {', '.join(LEVELS)})")
    after, before = _seq(asked, "after"), _seq(asked, "before")
    if after is not None and before is not None:
        raise Invalid("say after or before, and not both")
    return Wanted(
        **_common(asked),
        invocation=_text(asked, "invocation"),
        level=level,
        text=_text(asked, "text"),
        fields=_fields(asked.query),
        after_seq=after,
        before_seq=before,
    )


def wanted_records(asked: Asked) -> Wanted:
    """Read which invocations are asked for.

    Raises:
        Invalid: a parameter means nothing.
        NotFound: the app is not for who asks.
    """
    ending = asked.text("ending")
    if ending is not None and ending not in _ENDINGS:
        raise Invalid(f"no call ends {ending[:20]!r} (they end: {', '.join(_ENDINGS)})")
    return Wanted(
        **_common(asked),
        ending=ending,
        fault=_text(asked, "fault"),
        user=_text(asked, "user"),
        route=_text(asked, "route"),
        revision=_text(asked, "revision"),
        took_ms_min=asked.number("took_min", low=0, high=_TOOK_MS_MAX),
        before=_text(asked, "before"),
    )


def _common(asked: Asked) -> _Common:
    return _Common(
        app=app_in_query(asked),
        function=_text(asked, "function"),
        trace=_text(asked, "trace"),
        since=asked.number("since", low=0, high=TIME_MAX),
        until=asked.number("until", low=0, high=TIME_MAX),
        count_max=int(asked.number("limit", low=1, high=LIMIT_MAX) or 100),
    )


def _text(asked: Asked, name: str) -> str | None:
    said = asked.text(name)
    if said is not None and len(said) > TEXT_CHARS_MAX:
        raise Invalid(f"{name} has more than {TEXT_CHARS_MAX} characters")
    return said


def _seq(asked: Asked, name: str) -> int | None:
    said = asked.number(name, low=0, high=_SEQ_MAX)
    return None if said is None else int(said)


def _fields(query: Mapping[str, str]) -> Mapping[str, str]:
    fields = {
        name.removeprefix(_FIELD): value for name, value in query.items() if name.startswith(_FIELD)
    }
    if len(fields) > FIELDS_MAX:
        raise Invalid(f"at most {FIELDS_MAX} fields can be asked for at once")
    for name, value in fields.items():
        if not name or len(name) + len(value) > TEXT_CHARS_MAX:
            raise Invalid("write field.NAME=TEXT, as in field.order=17")
    return fields
