"""Bodies of requests: read whole within a ceiling, or hashed while they pass."""

import hmac
from collections.abc import AsyncIterator, Callable
from hashlib import sha256

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.troubles import Family, Trouble, Troubled, error_of

GATHERED_BYTES_MAX = 71 << 20  # Of one: a function's code of 50 MB as base64, and its settings.
GATHERING_BYTES_MAX = 512 << 20  # Of all that are gathered at a time.
Chunks = Callable[[], AsyncIterator[bytes]]


class Gathering:
    """Reads bodies whole, all of them together within a ceiling of memory."""

    def __init__(self) -> None:
        self.held_bytes = 0

    async def whole(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Read one.

        Raises:
            AwsError: it is too large, or too many are being read.
        """
        parts = bytearray()
        try:
            async for part in chunks:
                parts += part
                self.held_bytes += len(part)
                if len(parts) > GATHERED_BYTES_MAX:
                    raise AwsError(
                        "RequestEntityTooLargeException",
                        f"Request must be smaller than {GATHERED_BYTES_MAX} bytes",
                        413,
                    )
                if self.held_bytes > GATHERING_BYTES_MAX:
                    raise AwsError("ServiceUnavailable", "Too much is being sent at once.", 503)
        finally:
            self.held_bytes -= len(parts)
        return bytes(parts)


async def hashed(chunks: AsyncIterator[bytes], digest: str) -> AsyncIterator[bytes]:
    """Pass an object's body on, and see at its end that it is the one that was signed.

    Raises:
        AwsError: it is another.
    """
    computed = sha256()
    async for part in chunks:
        computed.update(part)
        yield part
    try:
        check_digest(computed.hexdigest(), digest)
    except Troubled as troubled:
        raise error_of(troubled, Family.S3) from None


def check_digest(computed: str, said: str) -> None:
    """Compare two hashes.

    Raises:
        Troubled: they differ.
    """
    if not hmac.compare_digest(computed, said.lower()):
        raise Troubled(
            Trouble.BODY,
            facts={
                "ClientComputedContentSHA256": said,
                "S3ComputedContentSHA256": computed,
            },
        )
