"""Bodies in AWS's own chunks, signed or not, with checksums behind them."""

import hmac
import re
from collections.abc import AsyncIterator, Collection, MutableMapping
from dataclasses import dataclass
from hashlib import sha256

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.canonical import EMPTY, sign
from tapwater_server.clouds.aws.front.signature import Signature
from tapwater_server.clouds.aws.front.troubles import Family, Trouble, Troubled, error_of

STREAMED = "STREAMING-"
SIGNED = frozenset(
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}
)
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
LINE_BYTES_MAX = 4 << 10
TRAILERS_MAX = 16
CHUNK_BYTES_MIN = 8 << 10  # Of all but the last, as in S3.
CHUNK_BYTES_MAX = 5 << 30
_SIGNATURE = "x-amz-trailer-signature"
_LENGTH = re.compile(rb"[0-9a-fA-F]{1,16}")


@dataclass(slots=True, kw_only=True)
class Seal:
    """Checks the signatures of chunks: each signs the one before it."""

    signature: Signature
    key: bytes
    last: str

    def check(self, kind: str, digests: str, said: str) -> None:
        """See that a chunk, or the trailers, are signed.

        Raises:
            AwsError: they are not.
        """
        stamp, scope = self.signature.stamp, self.signature.scoped.scope
        text = f"AWS4-HMAC-SHA256-{kind}\n{stamp}\n{scope}\n{self.last}\n{digests}"
        right = sign(self.key, text)
        if not hmac.compare_digest(right.encode(), said.encode()):
            raise error_of(Troubled(Trouble.MISMATCH), Family.S3)
        self.last = right


class _Source:
    """Takes lines and bytes from a body that comes in pieces."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    async def line(self) -> bytes:
        """Take what stands before the next line feed."""
        while b"\n" not in self._held:
            if len(self._held) > LINE_BYTES_MAX:
                raise _malformed("A chunk's head is too long")
            await self._more()
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip(b"\r")

    async def some(self, bytes_max: int) -> bytes:
        """Take what is there of so many bytes."""
        if not self._held:
            await self._more()
        taken, self._held = self._held[:bytes_max], self._held[bytes_max:]
        return taken

    async def rest(self) -> bool:
        """Say whether anything is left."""
        if self._held:
            return True
        async for part in self._chunks:
            self._held = part
            return True
        return False

    async def _more(self) -> None:
        async for part in self._chunks:
            self._held += part
            return
        raise _incomplete()


async def unchunked(
    chunks: AsyncIterator[bytes],
    *,
    seal: Seal | None,
    size: int,
    trailers: MutableMapping[str, str],
    announced: Collection[str] = (),
) -> AsyncIterator[bytes]:
    """Take the chunks apart; ``size``: how many bytes there must be in all; ``announced``: the
    trailers that must be there, and no others.

    Raises:
        AwsError: a chunk is not what was signed, or the body is not what was said.
    """
    source, left, length = _Source(chunks), size, CHUNK_BYTES_MIN
    while length:
        length, said = _read_head(await source.line(), before=length)
        left -= length
        if left < 0:
            raise _incomplete()
        hashing, missing = sha256(), length
        while missing:
            part = await source.some(missing)
            missing -= len(part)
            if seal is not None:
                hashing.update(part)
            yield part
        if length and await source.line():
            raise _malformed("A chunk does not end where it says")
        if seal is not None:
            seal.check("PAYLOAD", f"{EMPTY}\n{hashing.hexdigest()}", said)
    if left:
        raise _incomplete()
    await _read_trailers(source, seal, trailers, frozenset(announced))


def _read_head(line: bytes, *, before: int) -> tuple[int, str]:
    """Read ``400;chunk-signature=…``; ``before``: the length of the chunk before it."""
    digits, _, extension = line.partition(b";")
    length = int(digits, 16) if _LENGTH.fullmatch(digits) else -1
    if not 0 <= length <= CHUNK_BYTES_MAX:
        raise _malformed("A chunk's head is not its length")
    if length and before < CHUNK_BYTES_MIN:
        raise _too_small()
    return length, extension.partition(b"chunk-signature=")[2].decode("latin-1").strip()


async def _read_trailers(
    source: _Source,
    seal: Seal | None,
    into: MutableMapping[str, str],
    announced: frozenset[str],
) -> None:
    found: dict[str, str] = {}
    signature = ""
    while await source.rest():
        name, colon, value = (await source.line()).decode("latin-1").partition(":")
        if not colon:
            break
        if len(found) >= TRAILERS_MAX:
            raise _malformed("There are too many trailers")
        if name.lower() == _SIGNATURE:
            signature = value.strip()
        else:
            found[name.lower().strip()] = value.strip()
    if await source.rest():
        raise _malformed("Something comes after the last chunk")
    if found.keys() != announced:
        raise _wrong_trailers()
    if seal is not None and found:
        text = "".join(f"{name}:{value}\n" for name, value in sorted(found.items()))
        seal.check("TRAILER", sha256(text.encode("latin-1")).hexdigest(), signature)
    into.update(found)


def read_announced(said: str) -> frozenset[str]:
    """Read x-amz-trailer.

    >>> sorted(read_announced("x-amz-checksum-crc32, X-Amz-Meta-A"))
    ['x-amz-checksum-crc32', 'x-amz-meta-a']
    """
    names = (name.strip().lower() for name in said.split(","))
    return frozenset(name for name in names if name and name != _SIGNATURE)


def _wrong_trailers() -> AwsError:
    message = "The request contained trailing data that was not well-formed or did not conform to"
    return AwsError("MalformedTrailerError", f"{message} our published schema.", 400)


def _too_small() -> AwsError:
    """Or a body would cost far more to take apart than to send."""
    message = "Only the last chunk is allowed to have a size less than 8192 bytes"
    return AwsError("InvalidChunkSizeError", message, 403)


def _malformed(message: str) -> AwsError:
    return AwsError("InvalidRequest", message, 400)


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        400,
    )
