"""What a key stands for, which answers are kept for it, and how they are written down. Pure."""

import hashlib
from dataclasses import dataclass

import msgspec

from tapwater_server.model.errors import Invalid
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome

HEADER = b"idempotency-key"
KEY_BYTES_MAX = 255
KEPT_BYTES_MAX = 128 << 10  # Of an answer's body: what travels in one piece.
KEPT_HEADERS_BYTES_MAX = 16 << 10
KEEP_S = 24 * 3600.0
REPEATED = (b"idempotent-replayed", b"true")
NOT_KEPT = (b"idempotent-kept", b"false")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # Doing it twice is as doing it once.
_FOR_NOW = frozenset({408, 409, 425, 429})  # Refusals that say: try again.
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose key it is: of a function and of who asks, so that nobody is told another's answer."""

    scope: str
    key: str


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """An answer as it is written down, and the digest of the request it was given to."""

    version: int
    digest: bytes
    status: int
    headers: Headers
    body: bytes


def place_of(invocation: Invocation) -> Place | None:
    """Read where a request's answer is kept; None: it brought no key.

    Raises:
        Invalid: it has a key that is none, or several.
    """
    given = [value for name, value in invocation.headers if name == HEADER]
    if not given:
        return None
    if len(given) > 1:
        raise Invalid("send one Idempotency-Key, not several")
    asker = hashlib.sha256(_asker(invocation.user)).hexdigest()[:32]
    return Place(scope=f"http:{invocation.function.id.name}:{asker}", key=read_key(given[0]))


def read_key(value: bytes) -> str:
    r"""Read a key: a string in quotes as the draft has it, or bare as many clients send it.

    >>> read_key(b'"8e03978e-40d5"'), read_key(b"8e03978e-40d5")
    ('8e03978e-40d5', '8e03978e-40d5')
    """
    raw = value.strip()
    if len(raw) >= 2 and raw.startswith(b'"') and raw.endswith(b'"'):
        raw = raw[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    printable = all(0x20 <= byte < 0x7F for byte in raw)
    if not 0 < len(raw) <= KEY_BYTES_MAX or not printable:
        raise Invalid(f"an Idempotency-Key has 1 to {KEY_BYTES_MAX} printable ASCII characters")
    return raw.decode("ascii")


def begin_digest(invocation: Invocation) -> "hashlib._Hash":
    """Begin the digest of a request; its body is to follow."""
    digest = hashlib.sha256()
    for part in (invocation.method.encode(), invocation.path.encode(), invocation.query):
        digest.update(b"%d:%b" % (len(part), part))
    return digest


def is_kept(outcome: Outcome, status: int) -> bool:
    """Say whether an answer holds for the repeats too. What failed may be tried again."""
    return outcome.ending is Ending.OK and status < _SERVER_ERROR and status not in _FOR_NOW


def fits(headers: Headers, size: int) -> bool:
    """Say whether an answer is small enough to be kept."""
    head = sum(len(name) + len(value) for name, value in headers)
    return size <= KEPT_BYTES_MAX and head <= KEPT_HEADERS_BYTES_MAX


def pack(*, digest: bytes, status: int, headers: Headers, body: bytes) -> bytes:
    """Write an answer down."""
    kept = Kept(version=1, digest=digest, status=status, headers=headers, body=body)
    return msgspec.msgpack.encode(kept)


def unpack(raw: bytes) -> Kept:
    """Read what ``pack`` wrote."""
    return msgspec.msgpack.decode(raw, type=Kept)


def _asker(user: bytes) -> bytes:
    """A user stays the same when their roles or their e-mail change."""
    if not user:
        return b""
    said = msgspec.json.decode(user)
    return b"user:" + str(said["id"]).encode() if "id" in said else b"token:" + user
