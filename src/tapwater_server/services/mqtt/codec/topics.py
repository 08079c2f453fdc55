"""Topic names, filters and shared filters: which are allowed, and which filter hears which name."""

from dataclasses import dataclass

from tapwater_server.services.mqtt.codec.reasons import BadPacket, Reason

LEVELS_MAX = 128  # The tree of subscriptions is as deep as this.
TOPIC_BYTES_MAX = 4_096
SHARE = "$share/"


@dataclass(frozen=True, slots=True)
class Filter:
    """A topic filter, and the group that shares what it finds ("" for one's own)."""

    group: str
    filter: str


def check_name(topic: str) -> str:
    """Check a topic that something is published on.

    Raises:
        BadPacket: it is empty, too long or too deep, or has wildcards.
    """
    if not topic or "+" in topic or "#" in topic or "\0" in topic:
        raise BadPacket(Reason.TOPIC_INVALID, "a topic name is not empty and has no + or #")
    _check_size(topic, Reason.TOPIC_INVALID)
    return topic


def check_filter(filter: str) -> str:
    """Check a topic filter: ``+`` is a whole level, ``#`` a whole last one.

    Raises:
        BadPacket: it is no filter.
    """
    if not filter or "\0" in filter:
        raise BadPacket(Reason.FILTER_INVALID, "a topic filter is not empty")
    _check_size(filter, Reason.FILTER_INVALID)
    levels = filter.split("/")
    for level in levels[:-1]:
        if "#" in level:
            raise BadPacket(Reason.FILTER_INVALID, "# is only allowed as the last level")
    for level in levels:
        if len(level) > 1 and ("+" in level or "#" in level):
            raise BadPacket(Reason.FILTER_INVALID, "+ and # stand for whole levels")
    return filter


def _check_size(text: str, reason: Reason) -> None:
    if len(text) > TOPIC_BYTES_MAX or len(text.encode("utf-8", "replace")) > TOPIC_BYTES_MAX:
        raise BadPacket(reason, f"a topic has at most {TOPIC_BYTES_MAX} bytes")
    if text.count("/") >= LEVELS_MAX:
        raise BadPacket(reason, f"a topic has at most {LEVELS_MAX} levels")


def parse_filter(text: str) -> Filter:
    """Read a filter, shared or not.

    >>> parse_filter("$share/team/jobs/+")
    Filter(group='team', filter='jobs/+')

    Raises:
        BadPacket: it is no filter.
    """
    if not text.startswith(SHARE):
        return Filter("", check_filter(text))
    group, slash, filter = text[len(SHARE) :].partition("/")
    if not group or not slash or "+" in group or "#" in group:
        raise BadPacket(Reason.FILTER_INVALID, "a shared filter is $share/<group>/<filter>")
    return Filter(group, check_filter(filter))


def matches(filter: str, topic: str) -> bool:
    """Say whether a filter hears a topic.

    >>> matches("a/+/#", "a/b"), matches("#", "$SYS/x"), matches("+", "/a")
    (True, False, False)
    """
    if topic[:1] == "$" and filter[:1] in {"+", "#"}:
        return False
    wanted, levels = filter.split("/"), topic.split("/")
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(levels) or level not in {"+", levels[at]}:
            return False
    return len(wanted) == len(levels)
