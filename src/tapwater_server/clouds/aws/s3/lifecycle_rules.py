"""Lifecycle configurations: what of them our blobs do, read and checked. Pure."""

from dataclasses import replace
from xml.etree.ElementTree import Element, SubElement

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import kept, text_of
from tapwater_server.clouds.aws.s3.times import iso, read_iso
from tapwater_server.model.blob import LifecycleRule

RULES_MAX = 1_000  # As in S3.
ID_CHARS_MAX = 255
DAY_S = 24 * 3600


def name_rules(root: Element, fresh: str) -> None:
    """Give an id to each rule that has none.

    Raises:
        AwsError: two have the same, or one is too long.
    """
    seen: set[str] = set()
    for number, rule in enumerate(root.findall("Rule")):
        if not text_of(rule, "ID"):
            old = rule.find("ID")
            if old is not None:
                rule.remove(old)
            SubElement(rule, "ID").text = f"{fresh}{number}"
        id = text_of(rule, "ID")
        if len(id) > ID_CHARS_MAX:
            raise refuse("InvalidArgument", "ID length should not exceed allowed limit of 255")
        if id in seen:
            raise refuse(
                "InvalidArgument",
                f"Rule ID must be unique. Found same ID for more than one rule: {id}",
            )
        seen.add(id)


def rules_of(root: Element) -> tuple[LifecycleRule, ...]:
    """Read what our blobs are to do; rules that are off say nothing.

    Raises:
        AwsError: it cannot be read, or cannot be done here.
    """
    found = root.findall("Rule")
    if not 1 <= len(found) <= RULES_MAX:
        raise refuse("MalformedXML")
    rules = [(text_of(rule, "Status"), _rule(rule)) for rule in found]
    if any(status not in ("Enabled", "Disabled") for status, _ in rules):
        raise refuse("MalformedXML")
    return tuple(rule for status, rule in rules if status == "Enabled")


def _rule(element: Element) -> LifecycleRule:
    _check_transitions(element)
    rule = _filtered(element)
    expiration = element.find("Expiration")
    if expiration is not None:
        rule = _expiring(rule, expiration)
    old = element.find("NoncurrentVersionExpiration")
    if old is not None:
        keep = text_of(old, "NewerNoncurrentVersions")
        rule = replace(
            rule,
            drop_old_days=_days(old, "NoncurrentDays"),
            keep_old_max=_whole(keep) if keep else 0,
        )
    abort = element.find("AbortIncompleteMultipartUpload")
    if abort is not None:
        if rule.tags:
            raise refuse(
                "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags."
            )
        rule = replace(rule, abort_upload_days=_days(abort, "DaysAfterInitiation"))
    if expiration is None and old is None and abort is None:
        raise refuse("InvalidRequest", "At least one action needs to be specified in a rule.")
    return rule


def _expiring(rule: LifecycleRule, element: Element) -> LifecycleRule:
    date = text_of(element, "Date")
    if date:
        return replace(rule, expire_at=_midnight(date))
    if text_of(element, "Days"):
        return replace(rule, expire_days=_days(element, "Days"))
    if text_of(element, "ExpiredObjectDeleteMarker") == "true":
        return replace(rule, drop_markers=True)
    if text_of(element, "ExpiredObjectDeleteMarker") == "false":
        return rule
    raise refuse("MalformedXML")


def _filtered(element: Element) -> LifecycleRule:
    """Read which objects are meant."""
    where = element.find("Filter")
    if where is None:
        return LifecycleRule(prefix=text_of(element, "Prefix"))
    both = where.find("And")
    inner = where if both is None else both
    tags = {text_of(tag, "Key"): text_of(tag, "Value") for tag in inner.findall("Tag")}
    over, under = text_of(inner, "ObjectSizeGreaterThan"), text_of(inner, "ObjectSizeLessThan")
    return LifecycleRule(
        prefix=text_of(inner, "Prefix"),
        tags=tags,
        size_over=_whole(over) if over else -1,
        size_under=_whole(under) if under else 0,
    )


def _check_transitions(element: Element) -> None:
    """There is one class of storage here: what should go to another one stays where it is."""
    for name in ("Transition", "NoncurrentVersionTransition"):
        for one in element.findall(name):
            if date := text_of(one, "Date"):
                _midnight(date)
            raise refuse("NotImplemented", "Objects do not move between storage classes here")


def _midnight(text: str) -> float:
    at = read_iso(text) if "-" in text else None
    if at is None or at % DAY_S:
        raise refuse("InvalidArgument", "'Date' must be at midnight GMT")
    return at


def _days(element: Element, name: str) -> float:
    days = _whole(text_of(element, name))
    if days < 1:
        raise refuse("InvalidArgument", f"'{name}' for action must be a positive integer")
    return float(days)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise refuse("MalformedXML") from None


def spelled(rules: tuple[LifecycleRule, ...]) -> str:
    """Write rules as S3 would, that were not set by it."""
    root = Element("LifecycleConfiguration")
    for number, rule in enumerate(rules):
        element = SubElement(root, "Rule")
        SubElement(element, "ID").text = f"rule-{number + 1}"
        where = SubElement(element, "Filter")
        SubElement(where, "Prefix").text = rule.prefix
        SubElement(element, "Status").text = "Enabled"
        _spell(element, "Expiration", "Days", rule.expire_days)
        if rule.expire_at:
            SubElement(SubElement(element, "Expiration"), "Date").text = iso(rule.expire_at)
        _spell(element, "NoncurrentVersionExpiration", "NoncurrentDays", rule.drop_old_days)
        _spell(
            element, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", rule.abort_upload_days
        )
    return kept(root)


def _spell(element: Element, name: str, inner: str, days: float) -> None:
    """Our days may be parts of one; S3's are whole."""
    if days > 0:
        SubElement(SubElement(element, name), inner).text = str(max(1, round(days)))
