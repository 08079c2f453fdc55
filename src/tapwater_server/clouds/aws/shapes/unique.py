"""Ids of the shapes that AWS gives, made of our own. Pure."""

from base64 import b32encode
from hashlib import sha256

_SMALL = "abcdefghijklmnopqrstuvwxyz234567"
_CROCKFORD = str.maketrans("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUV")


def as_uuid(ulid: str) -> str:
    """Write one of our ids (``ids.fresh()``) as a UUID: the same 128 bits.

    >>> as_uuid("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    '01563e3a-b5d3-d676-4c61-efb99302bd5b'
    """
    digits = f"{int(ulid.translate(_CROCKFORD), 32):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def unique_id(prefix: str, of: str) -> str:
    """Give an id of IAM's shape ("AIDA…", "AROA…") that always follows from a name."""
    return id_of(prefix, sha256(of.encode()).digest())


def id_of(prefix: str, digest: bytes) -> str:
    """Write the beginning of a hash behind a prefix: 20 characters in all."""
    return prefix + b32encode(digest[:10]).decode()


def short_id(ulid: str, length: int) -> str:
    """Make a short id that nobody guesses out of one of our ids: small letters and digits.

    >>> short_id("01ARZ3NDEKTSV4RRFFQ69G5FAV", 10)
    'egqjfzh4z3'
    """
    number = int.from_bytes(sha256(ulid.encode()).digest(), "big")
    return "".join([_SMALL[(number >> (5 * index)) & 31] for index in range(length)])
