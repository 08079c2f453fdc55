"""Tags of buckets and objects: read, checked, written. Pure."""

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import around, tag

KEY_CHARS_MAX = 128
VALUE_CHARS_MAX = 256
OBJECT_MAX, BUCKET_MAX = 10, 50
_SYSTEM = {
    True: "Your TagKey cannot be prefixed with aws:",
    False: "System tags cannot be added/updated by requester",
}
_SIGNS = re.compile(r"[\w\s.:/=+\-@]*")


def check_tags(pairs: Iterable[tuple[str, str]], *, most: int) -> dict[str, str]:
    """Let tags pass that S3 would keep.

    Raises:
        AwsError: InvalidTag, or too many of them.
    """
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in found:
            raise refuse("InvalidTag", "Cannot provide multiple Tags with the same key")
        if not 1 <= len(key) <= KEY_CHARS_MAX or not _SIGNS.fullmatch(key):
            raise refuse("InvalidTag", "The TagKey you have provided is invalid", TagKey=key[:200])
        if len(value) > VALUE_CHARS_MAX or not _SIGNS.fullmatch(value):
            raise refuse("InvalidTag", "The TagValue you have provided is invalid")
        if key.startswith("aws:"):
            raise refuse("InvalidTag", _SYSTEM[most == OBJECT_MAX])
        found[key] = value
    if len(found) > most:
        raise refuse(
            "BadRequest" if most == OBJECT_MAX else "InvalidTag",
            f"Object tags cannot be greater than {most}",
        )
    return found


def read_tags(root: Element, *, most: int) -> dict[str, str]:
    """Read a Tagging document.

    Raises:
        AwsError: it is none, or its tags cannot be kept.
    """
    sets = root.find("TagSet")
    if sets is None:
        raise refuse("MalformedXML")
    pairs = []
    for one in sets:
        key, value = one.find("Key"), one.find("Value")
        if one.tag != "Tag" or key is None or value is None:
            raise refuse("MalformedXML")
        pairs.append((key.text or "", value.text or ""))
    return check_tags(pairs, most=most)


def tag_set(tags: Mapping[str, str]) -> str:
    """Write tags."""
    written = (
        around("Tag", tag("Key", key) + tag("Value", value)) for key, value in sorted(tags.items())
    )
    return around("TagSet", "".join(written))
