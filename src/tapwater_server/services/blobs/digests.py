"""What content amounts to: the MD5 that makes its ETag, and other checksums if they are asked."""

import hashlib
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

from tapwater_server.model.blob import Part
from tapwater_server.model.errors import Invalid


class _Sum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Crc32:
    """CRC-32 as of zlib and S3, in the manner of hashlib."""

    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes, /) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


_MODELS = {"crc32": "CRC32-ISO-HDLC", "crc32c": "CRC32-ISCSI", "crc64nvme": "CRC64-NVME"}


class _AnyCrc:
    """A CRC of S3 that zlib does not have. The library is loaded by who asks for the first."""

    def __init__(self, name: str, digits: int) -> None:
        from anycrc import Model

        self._calc, self._digits = Model(_MODELS[name]).calc, digits
        self._sum: int | None = None

    def update(self, data: bytes, /) -> None:
        self._sum = self._calc(data) if self._sum is None else self._calc(data, self._sum)

    def hexdigest(self) -> str:
        found = self._calc(b"") if self._sum is None else self._sum
        return f"{found:0{self._digits}x}"


def _md5() -> _Sum:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> _Sum:
    return hashlib.sha1(usedforsecurity=False)


ALGORITHMS: Mapping[str, Callable[[], _Sum]] = {
    "md5": _md5,
    "sha1": _sha1,
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "crc32": Crc32,
    "crc32c": partial(_AnyCrc, "crc32c", 8),
    "crc64nvme": partial(_AnyCrc, "crc64nvme", 16),
}


class Digests:
    """Sums up what it is shown; MD5 always, and whatever else is wanted."""

    def __init__(self, wanted: Collection[str] = ()) -> None:
        unknown = sorted(set(wanted) - set(ALGORITHMS))
        if unknown:
            raise Invalid(f"no checksum of ours: {', '.join(unknown)[:80]}")
        self._sums = {name: ALGORITHMS[name]() for name in {"md5", *wanted}}

    def update(self, data: bytes) -> None:
        for each in self._sums.values():
            each.update(data)

    @property
    def etag(self) -> str:
        return self._sums["md5"].hexdigest()

    @property
    def checksums(self) -> dict[str, str]:
        """All but the MD5, which is the ETag already."""
        sums = {name: each.hexdigest() for name, each in self._sums.items() if name != "md5"}
        return dict(sorted(sums.items()))

    def check(self, expected: Mapping[str, str]) -> None:
        """Compare with what the sender said.

        Raises:
            Invalid: something was changed on the way.
        """
        for name, said in expected.items():
            found = self._sums[name].hexdigest()
            if found != said.lower():
                raise Invalid(
                    f"the content does not have the {name} it was sent with: {found} is not {said}"
                )


def joined_checksum(name: str, parts: Sequence[Part], *, whole: bool) -> str:
    """Give the checksum of parts put together: a CRC of the ``whole``, made of theirs without
    reading anything; or, as in S3, the checksum of their checksums, a dash and their number.

    Raises:
        Invalid: a part has none of this kind, or there is no such way to join them.
    """
    sums = [part.checksums.get(name, "") for part in parts]
    if not all(sums):
        raise Invalid(f"a part was sent without its {name}")
    if not whole:
        together = ALGORITHMS[name]()
        together.update(b"".join(map(bytes.fromhex, sums)))
        return f"{together.hexdigest()}-{len(sums)}"
    if name not in _MODELS:
        raise Invalid(f"{name} of parts cannot be joined")
    from anycrc import Model

    model = Model(_MODELS[name])
    joined = model.calc(b"")
    for part, sum in zip(parts, sums, strict=True):
        joined = model.combine(joined, int(sum, 16), part.size)
    return f"{joined:0{len(sums[0])}x}"


def joined_etag(etags: Sequence[str]) -> str:
    """Give the ETag of what was put together from parts, as S3 does.

    >>> joined_etag(["d41d8cd98f00b204e9800998ecf8427e"])
    '59adb24ef3cdbe0297f05b395827453f-1'
    """
    together = hashlib.md5(b"".join(map(bytes.fromhex, etags)), usedforsecurity=False)
    return f"{together.hexdigest()}-{len(etags)}"
