"""Whether an answer is worth compressing, with what the client takes; and the doing of it."""

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

BODY_BYTES_MIN = 1024  # Below, the head weighs more than what is saved.
LARGE_BYTES_MIN = 64 << 10  # From here on less effort: the loop waits for it.
_TYPES = frozenset(
    {
        b"application/json",
        b"application/problem+json",
        b"application/javascript",
        b"application/xml",
        b"application/x-ndjson",
        b"application/wasm",
        b"application/manifest+json",
        b"image/svg+xml",
    }
)
_NEVER = frozenset({b"text/event-stream"})  # Its readers want every line at once.


class Encoder(Protocol):
    """A stream of one coding."""

    def push(self, data: bytes) -> bytes:
        """Take a piece and give all that is known of it: nothing waits for the next piece."""
        ...

    def finish(self) -> bytes: ...


class Gzip:
    """Gzip, flushed with each piece."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(4, zlib.DEFLATED, 31)

    def push(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class Zstd:
    """Zstandard, flushed with each piece."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=3).compressobj()

    def push(self, data: bytes) -> bytes:
        done = self._stream.compress(data)
        return done + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._stream.flush()


ENCODERS: dict[bytes, Callable[[], Encoder]] = {b"zstd": Zstd, b"gzip": Gzip}


def compress_whole(coding: bytes, data: bytes) -> bytes:
    """Compress a body that is all there."""
    large = len(data) >= LARGE_BYTES_MIN
    if coding == b"zstd":
        return zstandard.ZstdCompressor(level=1 if large else 3).compress(data)
    stream = zlib.compressobj(1 if large else 4, zlib.DEFLATED, 31)
    return stream.compress(data) + stream.flush()


def compressible(content_type: bytes) -> bool:
    """Say whether bodies of this type usually get smaller.

    >>> compressible(b"text/html; charset=utf-8"), compressible(b"image/png")
    (True, False)
    """
    kind = content_type.partition(b";")[0].strip().lower()
    if kind in _NEVER:
        return False
    return kind.startswith(b"text/") or kind in _TYPES or kind.endswith((b"+json", b"+xml"))


def choose_coding(accepted: bytes) -> bytes:
    """Pick the best coding an Accept-Encoding header allows; b"" for none.

    >>> choose_coding(b"gzip, deflate, br, zstd"), choose_coding(b"gzip;q=1, zstd;q=0")
    (b'zstd', b'gzip')
    """
    weights: dict[bytes, float] = {}
    for part in accepted.lower().split(b",")[:16]:
        name, _, parameter = part.partition(b";")
        weights[name.strip()] = _weight(parameter)
    best, best_weight = b"", 0.0
    for coding in ENCODERS:
        weight = weights.get(coding, weights.get(b"*", 0.0))
        if weight > best_weight:
            best, best_weight = coding, weight
    return best


def _weight(parameter: bytes) -> float:
    text = parameter.strip()
    if not text:
        return 1.0
    try:
        return min(1.0, max(0.0, float(text.removeprefix(b"q="))))
    except ValueError:
        return 0.0
