"""Reads a browser's form (RFC 7578) as it comes: some little fields, then one file, streamed."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid, TooLarge

FIELDS_MAX = 50
FIELD_BYTES_MAX = 64 << 10  # A signed policy, a key: what is larger is the file.
_HEAD_BYTES_MAX = 8 << 10
_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary=("?)([^";,]{1,70})\1', re.I)
_NAME = re.compile(r';\s*name="((?:[^"\\\r\n]|\\.){0,1000})"')
_FILE = re.compile(r';\s*filename="((?:[^"\\\r\n]|\\.){0,4000})"')
_TYPE = re.compile(r"^content-type:\s*([^\r\n]{1,1000}?)\s*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Form:
    """What came before the file, and the file."""

    fields: dict[str, str]
    filename: str
    content_type: str
    chunks: AsyncIterator[bytes]


async def read_form(content_type: str, chunks: AsyncIterator[bytes], *, called: str = "") -> Form:
    """Read up to the file: the first field with a file's name, or the one that is ``called`` so.

    Raises:
        Invalid: it is no form, or has no file in it.
        TooLarge: a field is larger than any should be.
    """
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise Invalid("send the form as multipart/form-data")
    mark = b"--" + match[2].encode()
    incoming = _Incoming(chunks)
    await incoming.until(mark, bytes_max=_HEAD_BYTES_MAX)
    fields: dict[str, str] = {}
    for _ in range(FIELDS_MAX):
        head = _text(await incoming.until(b"\r\n\r\n", bytes_max=_HEAD_BYTES_MAX))
        name, file = _NAME.search(head), _FILE.search(head)
        if name is None:
            raise Invalid("the form has no file: it comes last, in a field called file")
        if _plain(name[1]).lower() == called if called else file is not None:
            kind = _TYPE.search(head)
            stream = incoming.stream(b"\r\n" + mark)
            return Form(fields, _plain(file[1]) if file else "", kind[1] if kind else "", stream)
        fields[_plain(name[1])] = _text(
            await incoming.until(b"\r\n" + mark, bytes_max=FIELD_BYTES_MAX)
        )
    raise Invalid(f"a form has {FIELDS_MAX} fields at most")


class _Incoming:
    """What has come and was not read yet."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()

    async def until(self, mark: bytes, *, bytes_max: int) -> bytes:
        """Give what comes before a mark, and step over the mark."""
        seen = 0  # What was searched already is not searched again.
        while (at := self._held.find(mark, seen)) < 0:
            if len(self._held) > bytes_max:
                raise TooLarge(f"a form's field has {bytes_max} bytes at most; the file comes last")
            seen = max(0, len(self._held) - len(mark) + 1)
            await self._more()
        found = bytes(self._held[:at])
        del self._held[: at + len(mark)]
        return found

    async def stream(self, mark: bytes) -> AsyncIterator[bytes]:
        """Give everything before a mark as it comes; what follows is read and dropped."""
        while (at := self._held.find(mark)) < 0:
            safe = len(self._held) - len(mark) + 1
            if safe > 0:
                yield bytes(self._held[:safe])
                del self._held[:safe]
            await self._more()
        if at:
            yield bytes(self._held[:at])
        self._held.clear()
        rest = 0
        async for chunk in self._chunks:
            rest += len(chunk)
            if rest > FIELD_BYTES_MAX:
                raise Invalid("the file comes last in the form")

    async def _more(self) -> None:
        async for chunk in self._chunks:
            self._held += chunk
            return
        raise Invalid("the form ends in the middle")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid("the form is not UTF-8") from None


def _plain(quoted: str) -> str:
    """Browsers write quotes and line breaks in names as percent escapes."""
    return quoted.replace("%22", '"').replace('\\"', '"')
