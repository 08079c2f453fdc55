"""Forms, read piece by piece: multipart/form-data (RFC 7578) and urlencoded, both bounded.

Strict on purpose: what is not exactly as the RFC says is refused, not guessed at.
"""

import io
import re
import tempfile
from collections.abc import Iterable
from email.message import Message
from typing import IO
from urllib.parse import unquote_plus

from tapwater.file import File
from tapwater.problem import Problem, invalid

PARTS_MAX = 1000
PART_HEADER_BYTES_MAX = 8 << 10
FIELD_BYTES_MAX = 1 << 20  # of a field that is no file, and of a whole urlencoded form
SPOOL_BYTES_MAX = 256 << 10  # a larger file goes to /tmp

FormFields = dict[str, list[str | File]]

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


class FormParser:
    """Takes a form's bytes as they come; gives fields and files at the end."""

    def __init__(self, content_type: str, *, spool: bool = True) -> None:
        """Find out what kind of form it is. Without ``spool`` no file goes to /tmp.

        Raises:
            Problem: 415, it is no form; 422, it is one without a boundary.
        """
        message = Message()
        message["content-type"] = content_type
        kind = message.get_content_type()
        if kind == "multipart/form-data":
            self._parser: _Multipart | _Urlencoded = _Multipart(_boundary(message), spool)
        elif kind == "application/x-www-form-urlencoded" and content_type:
            self._parser = _Urlencoded()
        else:
            raise Problem(
                415,
                "This wants a form: multipart/form-data or application/x-www-form-urlencoded, "
                f"not {content_type or 'a body without content-type'!r}.",
            )

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            Problem: 413 or 422.
        """
        self._parser.feed(data)

    def finish(self) -> FormFields:
        """All fields and files by name, files at their beginning.

        Raises:
            Problem: 422, the form ended too early.
        """
        return self._parser.finish()

    def close(self) -> None:
        """The form is given up: its files go."""
        self._parser.close()


def close_files(values: Iterable[str | File]) -> None:
    """Let go of the files among a form's values."""
    for value in values:
        if isinstance(value, File):
            value.close()


def _boundary(message: Message) -> bytes:
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        raise invalid("header.content-type", "names no proper boundary")
    return boundary.encode("ascii")


class _Urlencoded:
    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self._data) + len(data) > FIELD_BYTES_MAX:
            raise Problem(413, f"A form of this kind may have {FIELD_BYTES_MAX} bytes.")
        self._data += data

    def close(self) -> None:
        """Nothing is open."""

    def finish(self) -> FormFields:
        text = self._data.decode("utf-8", "replace")
        if text.count("&") >= PARTS_MAX:
            raise invalid("form", f"has more than {PARTS_MAX} fields")
        fields: FormFields = {}
        for pair in filter(None, text.split("&")):
            name, _, value = pair.partition("=")
            fields.setdefault(unquote_plus(name), []).append(unquote_plus(value))
        return fields


class _Part:
    """The part that is being read: in memory, or a large file in /tmp."""

    def __init__(self, header: bytes, spool: bool) -> None:
        message = _read_part_header(header)
        name = message.get_param("name", header="content-disposition")
        if message.get_content_disposition() != "form-data" or not isinstance(name, str):
            raise invalid("form", "has a part without a name")
        filename = message.get_filename()
        self.name = name
        self.filename = None if filename is None else re.split(r"[/\\]", filename)[-1]
        self.content_type = message.get("content-type", "application/octet-stream")
        self.size = 0
        self.target: IO[bytes] = io.BytesIO()
        self._spool = spool and filename is not None

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.filename is None and self.size > FIELD_BYTES_MAX:
            raise Problem(413, f"The field {self.name!r} may have {FIELD_BYTES_MAX} bytes.")
        self.target.write(data)
        if self._spool and self.size > SPOOL_BYTES_MAX:
            self._spool = False
            self.target.seek(0)
            content, self.target = self.target.read(), tempfile.TemporaryFile()  # noqa: SIM115
            self.target.write(content)

    def value(self) -> str | File:
        self.target.seek(0)
        if self.filename is not None:
            return File(
                self.target, name=self.filename, content_type=self.content_type, size=self.size
            )
        try:
            return self.target.read().decode()
        except UnicodeDecodeError:
            raise invalid(f"form.{self.name}", "is not UTF-8") from None


def _read_part_header(header: bytes) -> Message:
    message = Message()
    for line in header.split(b"\r\n"):
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if not colon or not name.strip() or name != name.strip():
            raise invalid("form", "has a part with a malformed header")
        message[name] = value.strip().replace("\n", " ").replace("\r", " ")
    return message


class _Multipart:
    """States: before the first boundary, in a part's header, in its data, at the end."""

    def __init__(self, boundary: bytes, spool: bool) -> None:
        self._delimiter = b"\r\n--" + boundary
        # A form begins with its boundary, without the line break that ends the part before.
        self._rest = b"\r\n"
        self._step = self._preamble
        self._part: _Part | None = None
        self._parts = 0
        self._fields: FormFields = {}
        self._ended = False
        self._spool = spool

    def feed(self, data: bytes) -> None:
        self._rest += data
        while not self._ended and self._step():
            pass
        if self._ended:
            self._rest = b""  # An epilogue means nothing.

    def finish(self) -> FormFields:
        if not self._ended:
            raise invalid("form", "ends too early")
        return self._fields

    def close(self) -> None:
        if self._part is not None:
            self._part.target.close()
        for values in self._fields.values():
            close_files(values)

    def _preamble(self) -> bool:
        at = self._rest.find(self._delimiter)
        if at < 0:
            if len(self._rest) > PART_HEADER_BYTES_MAX:
                raise invalid("form", "does not begin with its boundary")
            return False
        self._rest = self._rest[at + len(self._delimiter) :]
        self._step = self._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        if len(self._rest) < 2:
            return False
        mark, self._rest = self._rest[:2], self._rest[2:]
        if mark == b"--":
            self._ended = True
            return False
        if mark != b"\r\n":
            raise invalid("form", "has a malformed boundary")
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise invalid("form", f"has more than {PARTS_MAX} parts")
        self._step = self._header
        return True

    def _header(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if end > PART_HEADER_BYTES_MAX or (end < 0 and len(self._rest) > PART_HEADER_BYTES_MAX):
            raise invalid("form", "has a part whose header is too long")
        if end < 0:
            return False
        self._part = _Part(self._rest[:end], self._spool)
        self._rest = self._rest[end + 4 :]
        self._step = self._data
        return True

    def _data(self) -> bool:
        assert self._part is not None
        at = self._rest.find(self._delimiter)
        if at < 0:
            # The end of what is here may be the beginning of a delimiter.
            sure = max(0, len(self._rest) - len(self._delimiter) + 1)
            self._part.write(self._rest[:sure])
            self._rest = self._rest[sure:]
            return False
        self._part.write(self._rest[:at])
        self._fields.setdefault(self._part.name, []).append(self._part.value())
        self._part = None
        self._rest = self._rest[at + len(self._delimiter) :]
        self._step = self._after_delimiter
        return True
