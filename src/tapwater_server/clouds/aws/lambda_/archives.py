"""Zip files of functions and layers: where they come from, where they are kept, how unpacked."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_.records import Code
from tapwater_server.clouds.aws.lambda_.refusals import invalid, refused
from tapwater_server.model.errors import Conflict, Invalid, NotFound, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Held, Naming
from tapwater_server.ports.folders import Folders
from tapwater_server.ports.releases import Releases

KIND = "aws-lambda"  # Of the folders that hold zip files as they came.
_EMPTY = b"PK\5\6"  # So begins a zip file that is nothing but its end.
FILE = "code.zip"
SENT_BYTES_MAX = 50 << 20  # In a request: 50 MB, says AWS.
STORED_BYTES_MAX = 250 << 20  # From a bucket.
UNPACKED_BYTES_MAX = 262_144_000  # Of a function with its layers.


class Blobs(Protocol):
    """What is needed of our blobs."""

    async def stat(self, app: AppId, naming: Naming) -> Held: ...

    def read(self, held: Held, *, start: int, stop: int) -> AsyncIterator[bytes]: ...


class Archives:
    """Keeps zip files by their hash; a file that a fact names is never swept away."""

    def __init__(self, *, folders: Folders, blobs: Blobs, releases: "ReleasesNow") -> None:
        self._folders, self._blobs, self._releases = folders, blobs, releases
        self._fresh: dict[str, int] = {}  # kept, and perhaps not in a fact yet

    async def take(self, account: Account, code: Mapping[str, Any]) -> bytes:
        """Get the zip file that ``Code`` or ``Content`` of a request means.

        Raises:
            AwsError: there is none, or it is too large.
        """
        found = await self._found(account, code)
        if found.startswith(_EMPTY):
            raise invalid("Uploaded file must be a non-empty zip")
        return found

    async def keep(self, data: bytes) -> str:
        """Keep a zip file; give its hash. Until ``done()`` it is not swept away."""
        digest = hashlib.sha256(data).hexdigest()
        self._fresh[digest] = self._fresh.get(digest, 0) + 1

        def fill(folder: Path) -> None:
            (folder / FILE).write_bytes(data)

        await self._folders.put(KIND, digest, fill)
        return digest

    def done(self, digest: str) -> None:
        """What was kept is in a fact now, or is not wanted."""
        left = self._fresh.get(digest, 0) - 1
        if left > 0:
            self._fresh[digest] = left
        else:
            self._fresh.pop(digest, None)

    def path(self, digest: str) -> Path | None:
        """Find a file."""
        folder = self._folders.path(KIND, digest)
        return None if folder is None else folder / FILE

    async def read(self, path: Path) -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    async def unpack(self, digest: str, layers: Sequence[str]) -> Code:
        """Unpack a function's file, and its layers over each other.

        Raises:
            AwsError: one is no zip file, or it is too much.
        """
        bundle, size = await self._unpacked([digest], beside=False)
        layer, more = await self._unpacked(layers, beside=True) if layers else ("", 0)
        if size + more > UNPACKED_BYTES_MAX:
            raise invalid(
                f"Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes"
                if not layers
                else f"Layers consume more than the available size of {UNPACKED_BYTES_MAX} bytes"
            )
        return Code(
            zip=digest,
            size=self._file(digest).stat().st_size,
            bundle=bundle,
            layer=layer,
            unpacked=size + more,
        )

    async def check(self, digest: str) -> None:
        """See that a layer's file can be unpacked.

        Raises:
            AwsError: it is no zip file, or has too much in it.
        """
        await self._unpacked([digest], beside=True)

    async def sweep(self, held: Collection[str]) -> None:
        """Remove the files that nothing names."""
        await self._folders.sweep(KIND, held={*held, *self._fresh})

    async def _found(self, account: Account, code: Mapping[str, Any]) -> bytes:
        sent = code.get("ZipFile")
        if sent is not None:
            return _decoded(sent)
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not bucket or not key:
            raise invalid("Please provide a source for function code.")
        return await self._from_bucket(account, bucket, key, code.get("S3ObjectVersion") or "")

    async def _unpacked(self, digests: Sequence[str], *, beside: bool) -> tuple[str, int]:
        with ExitStack() as stack:
            files = [stack.enter_context(self._file(one).open("rb")) for one in digests]
            try:
                return await self._releases().unpack(files, beside=beside)
            except TooLarge as error:
                raise invalid(f"The file is too large: {error.message}") from error
            except Invalid as error:
                said = "Could not unzip uploaded file. Please check your file, then try to upload "
                raise invalid(f"{said}again. ({error.message})") from error

    def _file(self, digest: str) -> Path:
        path = self.path(digest)
        if path is None:
            raise refused("ServiceException", "The code is not in the data directory any more", 500)
        return path

    async def _from_bucket(self, account: Account, bucket: str, key: str, version: str) -> bytes:
        try:
            held = await self._blobs.stat(
                account.home, Naming(bucket=bucket, key=key, version=version)
            )
        except (NotFound, Invalid, Conflict) as error:
            raise _not_in_bucket(key) from error
        if held.blob.size > STORED_BYTES_MAX:
            raise invalid(f"The file in the bucket has more than {STORED_BYTES_MAX} bytes")
        found = bytearray()
        async for part in self._blobs.read(held, start=0, stop=held.blob.size):
            found += part
        return bytes(found)


class ReleasesNow(Protocol):
    """Gives our releases, once the node is complete."""

    def __call__(self) -> Releases: ...


def _not_in_bucket(key: str) -> AwsError:
    return invalid(
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified "
        f"key does not exist. ({key[:200]})"
    )


def _decoded(sent: object) -> bytes:
    try:
        data = base64.b64decode(sent if isinstance(sent, str) else "", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise invalid("ZipFile is not base64 of a zip file")
    if len(data) > SENT_BYTES_MAX:
        raise refused(
            "RequestEntityTooLargeException",
            f"Zipped size must be smaller than {SENT_BYTES_MAX} bytes: send it through a bucket",
            413,
        )
    return data
