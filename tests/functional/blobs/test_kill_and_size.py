"""What holds when the platform is killed in the middle, and when a blob is larger than memory."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import children_of, until

pytestmark = pytest.mark.slow
LARGE_BYTES = 1 << 30
GROWTH_BYTES_MAX = 96 << 20
PART = bytes(1 << 20)
APP = {"restful/hello.py": "def get():\n    return 'hi'\n"}
BLOBS = "/apps/shop/blobs"


def files(platform: Platform) -> list[Path]:
    return [path for path in (platform.data / "blobs").rglob("*") if path.is_file()]


def events(platform: Platform) -> list[str]:
    found = platform.api("GET", "/apps/shop/events", params={"limit": 100}).json()["events"]
    return [event["subject"] for event in found]


def test_a_kill_in_the_middle_of_an_upload_leaves_nothing(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(APP, "shop")
    kept = bytes(300_000)
    assert platform.api("PUT", f"{BLOBS}/box/kept", content=kept).status_code == 201
    begun = platform.api("POST", f"{BLOBS}/-/uploads", json={"bucket": "box", "key": "parts"})
    upload = f"{BLOBS}/-/uploads/{begun.json()['upload']}"
    assert platform.api("PUT", f"{upload}/1", content=kept).status_code == 200
    for target in (f"{BLOBS}/box/half", f"{BLOBS}/box/kept", f"{upload}/2"):
        with _half_sent(platform, target):
            platform.kill()
        assert len(files(platform)) == 3
        platform.start()
        until(lambda: len(files(platform)) == 2, "what the kill left is swept")
    assert platform.api("GET", f"{BLOBS}/box/half").status_code == 404
    assert platform.api("GET", f"{BLOBS}/box/kept").content == kept
    assert [part["number"] for part in platform.api("GET", upload).json()["parts"]] == [1]
    assert events(platform) == ["kept"]
    assert platform.api("PUT", f"{upload}/2", content=b"end").status_code == 200
    assert platform.api("POST", upload, content=b"{}").status_code == 201
    assert platform.api("GET", f"{BLOBS}/box/parts").content == kept + b"end"
    platform.kill()
    platform.start()
    assert platform.api("GET", f"{BLOBS}/box/parts").content == kept + b"end"
    listed = platform.api("GET", f"{BLOBS}/box").json()["blobs"]
    assert [blob["key"] for blob in listed] == ["kept", "parts"]


def _half_sent(platform: Platform, target: str) -> socket.socket:
    """Send half of a body, and wait until it is on its way to the disk."""
    before = len(files(platform))
    connection = socket.create_connection(("127.0.0.1", platform.port))
    head = (
        f"PUT /_/api/v1{target} HTTP/1.1\r\nhost: x\r\n"
        f"authorization: Bearer {platform.token}\r\ncontent-length: 20000000\r\n\r\n"
    )
    connection.sendall(head.encode() + bytes(5_000_000))
    until(lambda: len(files(platform)) > before, "the upload has begun")
    return connection


def test_a_full_disk_keeps_nothing_and_serves_on(tmp_path: Path) -> None:
    # No file may grow beyond 16 MiB: to whoever writes, as a disk that is full.
    limited = ("sh", "-c", 'ulimit -f 32768; exec "$@"', "sh")
    with Platform(tmp_path / "data", prefix=limited) as platform:
        platform.deploy(APP, "shop")
        answer = platform.api("PUT", f"{BLOBS}/box/large", content=bytes(40 << 20))
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        assert files(platform) == []
        assert platform.api("GET", f"{BLOBS}/box/large").status_code == 404
        assert platform.api("PUT", f"{BLOBS}/box/little", content=PART).status_code == 201
        assert platform.api("GET", f"{BLOBS}/box/little").content == PART


def test_a_large_blob_streams_with_flat_memory(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(APP, "shop")
    path = f"/_/api/v1{BLOBS}/box/large"
    headers = {"authorization": f"Bearer {platform.token}", "content-length": str(LARGE_BYTES)}
    _warm(platform)
    before = _resident(platform)
    peak = before

    def body() -> Iterator[bytes]:
        nonlocal peak
        for n in range(LARGE_BYTES // len(PART)):
            yield PART
            if n % 32 == 0:
                peak = max(peak, _resident(platform))

    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=90)
    connection.request("PUT", path, body=body(), headers=headers)
    stored = connection.getresponse()
    assert stored.status == 201
    assert json.loads(stored.read())["size"] == LARGE_BYTES
    connection.request("GET", path, headers={"authorization": headers["authorization"]})
    read = connection.getresponse()
    count = n = 0
    while part := read.read(1 << 20):
        count += len(part)
        n += 1
        if n % 32 == 0:
            peak = max(peak, _resident(platform))
    connection.close()
    assert count == LARGE_BYTES
    assert peak - before < GROWTH_BYTES_MAX, f"from {before >> 20} to {peak >> 20} MiB"


def _warm(platform: Platform) -> None:
    """Let threads and buffers that stay be there before it is measured."""
    for _ in range(2):
        platform.api("PUT", f"{BLOBS}/box/warm", content=bytes(8 << 20))
        platform.api("GET", f"{BLOBS}/box/warm")


def _resident(platform: Platform) -> int:
    """Bytes of the whole family of processes that are in memory."""
    assert platform.process is not None
    return sum(_of(pid) for pid in (platform.process.pid, *children_of(platform.process.pid)))


def _of(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0
