"""Which stretch of an object is asked for. Pure."""

import re

from tapwater_server.clouds.aws.s3.errors import refuse

_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def whole_number(text: str) -> int:
    """Read a number without a sign; -1: it is none, or larger than any that is meant.

    >>> whole_number("7"), whole_number("-7"), whole_number("²"), whole_number("9" * 99)
    (7, -1, -1, -1)
    """
    return int(text) if _NUMBER.fullmatch(text) else -1


def stretch(said: str, size: int) -> tuple[int, int] | None:
    """Give start and end (not included); None: the whole, also where it is not understood.

    >>> stretch("bytes=0-9", 100), stretch("bytes=-10", 100), stretch("bytes=90-", 100)
    ((0, 10), (90, 100), (90, 100))

    Raises:
        AwsError: InvalidRange.
    """
    match = _RANGE.fullmatch(said.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        count = min(int(match[2]), size)
        if count == 0:
            raise _outside(said, size)
        return size - count, size
    start = int(match[1])
    stop = size if match[2] == "" else min(int(match[2]) + 1, size)
    if match[2] != "" and int(match[2]) < start:
        return None
    if start >= size:
        raise _outside(said, size)
    return start, stop


def source_stretch(said: str, size: int) -> tuple[int, int]:
    """Give what of a source becomes a part: first and last byte must both be there.

    Raises:
        AwsError: InvalidArgument, InvalidRange.
    """
    match = _RANGE.fullmatch(said)
    if match is None or "" in (match[1], match[2]) or int(match[2]) < int(match[1]):
        raise refuse(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
        )
    if int(match[2]) >= size:
        raise refuse(
            "InvalidRange", f"Range specified is not valid for source object of size: {size}"
        )
    return int(match[1]), int(match[2]) + 1


def _outside(said: str, size: int) -> Exception:
    return refuse("InvalidRange", RangeRequested=said, ActualObjectSize=str(size))
