"""Makes one page of a listing, with folders where a delimiter is given. Pure but for ``scan``."""

from collections.abc import Callable, Sequence

from tapwater_server.model.blob import Blob, Page

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)

# Gives the blobs whose key is >= the first text and < the second (or no end), by rising key,
# so many at most.
Scan = Callable[[str, str | None, int], Sequence[Blob]]


def page(scan: Scan, *, prefix: str, delimiter: str, after: str, count_max: int) -> Page:
    """List what lies after ``after``. Keys that share what comes up to the first delimiter behind
    the prefix are folded into one common prefix; each counts as one.

    ``after`` is the key or common prefix that the page before ended with.
    """
    end = beyond(prefix)
    start: str | None = max(prefix, _following(after, prefix, delimiter))
    blobs: list[Blob] = []
    prefixes: list[str] = []
    last = ""
    while start is not None and (end is None or start < end):
        room = count_max - len(blobs) - len(prefixes)
        found = scan(start, end, room + 1)
        start = None
        for blob in found:
            if len(blobs) + len(prefixes) == count_max:
                return Page(blobs=tuple(blobs), prefixes=tuple(prefixes), next=last)
            folded = fold(blob.key, prefix, delimiter)
            if folded:
                prefixes.append(folded)
                last, start = folded, beyond(folded)
                break
            blobs.append(blob)
            last = blob.key
    return Page(blobs=tuple(blobs), prefixes=tuple(prefixes))


def fold(key: str, prefix: str, delimiter: str) -> str:
    """Give the common prefix that a key is listed under, "" if it is listed itself.

    >>> fold("a/b/c", "a/", "/"), fold("a/b", "a/", "/")
    ('a/b/', '')
    """
    at = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: at + len(delimiter)] if at >= 0 else ""


def beyond(prefix: str) -> str | None:
    """Give the least text above all that begin with ``prefix``; None if there is none.

    >>> beyond("a/"), beyond("")
    ('a0', None)
    """
    while prefix:
        code = ord(prefix[-1]) + 1
        if code in _SURROGATES:
            code = _SURROGATES.stop
        if code <= _LAST:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None


def _following(after: str, prefix: str, delimiter: str) -> str:
    """Give where to go on: behind a key, or behind all that a common prefix stands for."""
    if not after:
        return ""
    if delimiter and after.endswith(delimiter) and fold(after, prefix, delimiter) == after:
        return beyond(after) or chr(_LAST) * len(after)
    return after + "\0"
