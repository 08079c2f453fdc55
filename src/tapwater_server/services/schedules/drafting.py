"""From what somebody says of a schedule to the schedule, checked. Pure."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from tapwater_server.model.cron import parse, zone_named
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.ids import AppId, parse_function_id
from tapwater_server.model.schedule import Missed, Overlap, Schedule, TargetKind

PAYLOAD_BYTES_MAX = 256 << 10
PAST_S_MAX = 60.0  # A moment no longer ago than this is now.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_OURS = "tapwater."


class ScheduleAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``times`` (as in ``*/5 * * * *`` or ``every 5m``) or ``at`` (ISO 8601, or seconds since the
    epoch), and ``target``: ``function:group/name``, ``queue:…``, ``topic:…`` or ``event:type``."""

    target: str
    times: str = ""
    at: str | float | None = None
    zone: str = "UTC"
    payload: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    paused: bool = False


def schedule_of(asked: ScheduleAsked, *, app: AppId, name: str, id: str, now: float) -> Schedule:
    """Make a schedule of it.

    Raises:
        Invalid: something is wrong with it.
        TooLarge: its payload is.
    """
    check_name(name)
    zone = zone_of(asked.zone)
    kind, target = _target(app, asked.target)
    if bool(asked.times) == (asked.at is not None):
        raise Invalid("a schedule has times (cron, or every 5m) or at (once), and not both")
    if asked.times:
        check_times(asked.times)
    at = _moment(asked.at, zone, now) if asked.at is not None else 0.0
    return Schedule(
        id=id,
        app=app,
        name=name,
        times=asked.times,
        at=at,
        zone=asked.zone,
        kind=kind,
        target=target,
        payload=_payload(asked.payload),
        missed=asked.missed,
        overlap=asked.overlap,
        paused=asked.paused,
        since=min(now, at - 1) if at else now,
    )


def check_name(name: str) -> None:
    """Refuse what cannot name a schedule.

    Raises:
        Invalid: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:100]!r} is not the name of a schedule: use letters, digits, dots, dashes and "
            "underscores, 80 at most, and begin with a letter or digit"
        )


def check_times(times: str) -> None:
    """Refuse what says no times.

    Raises:
        Invalid: the message says what is wrong with it.
    """
    try:
        parse(times)
    except ValueError as error:
        raise Invalid(str(error), problems=[{"where": "times", "what": str(error)}]) from None


def zone_of(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        Invalid: there is none of that name.
    """
    try:
        return zone_named(name)
    except ValueError as error:
        raise Invalid(str(error), problems=[{"where": "zone", "what": str(error)}]) from None


def _target(app: AppId, text: str) -> tuple[TargetKind, str]:
    kind, colon, name = text.partition(":")
    if not colon or kind not in set(TargetKind):
        raise Invalid("a target is function:group/name, queue:name, topic:name or event:type")
    match TargetKind(kind):
        case TargetKind.FUNCTION:
            parse_function_id(f"{app}:{name}")
        case TargetKind.QUEUE | TargetKind.TOPIC:
            if not _NAME.fullmatch(name):
                raise Invalid(f"{name[:100]!r} is not the name of a {kind}")
        case TargetKind.EVENT:
            if not _TYPE.fullmatch(name) or name.startswith(_OURS):
                raise Invalid(
                    f"{name[:100]!r} is not a type of your own events: it is made of letters, "
                    f"digits, dots, slashes and dashes, and does not begin with {_OURS}"
                )
    return TargetKind(kind), name


def _moment(said: str | float, zone: ZoneInfo, now: float) -> float:
    try:
        if isinstance(said, str):
            read = datetime.fromisoformat(said)
            at = (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()
        else:
            at = float(said)
        datetime.fromtimestamp(at, zone)  # It must be a year that the clock there can show.
    except (ValueError, OverflowError, OSError):
        raise Invalid(f"{str(said)[:100]!r} is not a moment: write 2027-01-31T09:00:00") from None
    if at < now - PAST_S_MAX:
        raise Invalid(f"{str(said)[:100]!r} is in the past")
    return at


def _payload(said: msgspec.Raw) -> bytes:
    payload = bytes(said)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise TooLarge(f"a payload has at most {PAYLOAD_BYTES_MAX} bytes: keep it as a document")
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise Invalid("the payload is not UTF-8") from None
    return payload
