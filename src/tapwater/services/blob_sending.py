"""Sends content to the platform: at once if it is little, else in parts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater.services.blob_values import Blob, read_blob
from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Request, ServiceError, Transport


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is said of the content."""

    content_type: str = ""
    cache_control: str = ""
    content_disposition: str = ""
    content_encoding: str = ""
    content_language: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}

    def as_headers(self) -> dict[str, str]:
        headers = {}
        for name, value in self.as_json().items():
            if name in ("metadata", "tags"):
                headers[f"tapwater-{name}"] = json.dumps(dict(value))
            else:
                headers[name.replace("_", "-")] = value
        return headers


class Sender:
    """One upload: ``send_part`` any number of times, then ``finish`` or ``give_up``."""

    def __init__(
        self,
        transport: Transport,
        bucket: str,
        key: str,
        *,
        said: Said,
        conditions: Mapping[str, str],
    ) -> None:
        self._transport, self._bucket, self._key = transport, bucket, key
        self._said, self._conditions = said, conditions
        self._upload = ""
        self._parts: list[dict[str, Any]] = []

    def send_part(self, number: int, data: bytes) -> None:
        """Send one part; the first begins the upload."""
        if not self._upload:
            asked = {"bucket": self._bucket, "key": self._key, "about": self._said.as_json()}
            begun = ask_json(self._transport, "POST", path_to("blobs", "-", "uploads"), asked)
            self._upload = begun["upload"]
        path = path_to("blobs", "-", "uploads", self._upload, str(number))
        part = self._transport.send(Request(method="PUT", path=path, body=data)).json()
        self._parts.append({"number": part["number"], "etag": part["etag"]})

    def finish(self, parts: int, rest: bytes) -> Blob:
        """Make the blob visible, with ``rest`` at its end."""
        headers = dict(self._conditions)
        if not self._upload:
            path = path_to("blobs", self._bucket, self._key)
            headers |= self._said.as_headers()
            request = Request(method="PUT", path=path, headers=headers, body=rest)
            return read_blob(self._transport.send(request).json())
        try:
            if rest:
                self.send_part(parts + 1, rest)
            body = json.dumps({"parts": self._parts}).encode()
            headers["content-type"] = "application/json"
            path = path_to("blobs", "-", "uploads", self._upload)
            request = Request(method="POST", path=path, headers=headers, body=body)
            return read_blob(self._transport.send(request).json())
        except ServiceError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Remove what was sent."""
        if not self._upload:
            return
        path = path_to("blobs", "-", "uploads", self._upload)
        try:
            self._transport.send(Request(method="DELETE", path=path))
        except ServiceError:
            return  # The platform sweeps what nobody ends; the first error is the one to tell.


def portions(data: Any, size: int) -> Iterator[bytes]:
    """Cut bytes, text or what a file gives into portions; at least one, perhaps empty."""
    if isinstance(data, str):
        data = data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        view = memoryview(data).cast("B")
        for at in range(0, len(view), size):
            yield bytes(view[at : at + size])
        if not len(view):
            yield b""
        return
    yield from _read(data, size)


def _read(file: Any, size: int) -> Iterator[bytes]:
    held = bytearray()
    any_yet = False
    while chunk := file.read(size):
        held += chunk.encode() if isinstance(chunk, str) else chunk
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
            any_yet = True
    if held or not any_yet:
        yield bytes(held)
