"""Bodies in AWS's own chunks, signed or not, with checksums behind them."""

import hmac
from collections.abc import AsyncIterator, MutableMapping
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
CHUNK_BYTES_MAX = 5 << 30
_SIGNATURE = "x-amz-trailer-signature"


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
        if not hmac.compare_digest(right, said):
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
) -> AsyncIterator[bytes]:
    """Take the chunks apart; ``size``: how many bytes there must be in all.

    Raises:
        AwsError: a chunk is not what was signed, or the body is not what was said.
    """
    source, left, length = _Source(chunks), size, 1
    while length:
        length, said = _read_head(await source.line())
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
    await _read_trailers(source, seal, trailers)


def _read_head(line: bytes) -> tuple[int, str]:
    """Read ``400;chunk-signature=…``."""
    digits, _, extension = line.partition(b";")
    try:
        length = int(digits, 16)
    except ValueError:
        length = -1
    if not 0 <= length <= CHUNK_BYTES_MAX or b"_" in digits:
        raise _malformed("A chunk's head is not its length")
    return length, extension.partition(b"chunk-signature=")[2].decode("latin-1").strip()


async def _read_trailers(
    source: _Source, seal: Seal | None, into: MutableMapping[str, str]
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
    if seal is not None and found:
        text = "".join(f"{name}:{value}\n" for name, value in sorted(found.items()))
        seal.check("TRAILER", sha256(text.encode("latin-1")).hexdigest(), signature)
    into.update(found)


def _malformed(message: str) -> AwsError:
    return AwsError("InvalidRequest", message, 400)


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        400,
    )
