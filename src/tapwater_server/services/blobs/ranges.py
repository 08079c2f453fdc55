"""Which stretch of a blob a Range header asks for (RFC 9110, section 14). Pure."""

import re

from tapwater_server.model.errors import NoSuchRange

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """Give start and end (not included); None where the whole is to be sent.

    What is not understood, and several ranges at once, get the whole, as the RFC allows.

    >>> read_range("bytes=0-9", 100), read_range("bytes=-10", 100), read_range("bytes=90-", 100)
    ((0, 10), (90, 100), (90, 100))

    Raises:
        NoSuchRange: it begins behind the end.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        count = min(int(match[2]), size)
        if count == 0:
            raise outside(size)
        return size - count, size
    start = int(match[1])
    stop = size if match[2] == "" else min(int(match[2]) + 1, size)
    if match[2] != "" and int(match[2]) < start:
        return None
    if start >= size:
        raise outside(size)
    return start, stop


def outside(size: int) -> NoSuchRange:
    return NoSuchRange(f"the blob has {size} bytes, and what was asked for lies outside", size=size)
