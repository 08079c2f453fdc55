"""The image pipeline: upload in a page, thumbnail, document, live gallery; in a real browser."""

import struct
import zlib

import httpx
import pytest
from playwright.sync_api import FilePayload

from tests.functional.browser.conftest import launched
from tests.functional.examples.conftest import Deployed
from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gallery(deployed: Deployed) -> httpx.Client:
    return deployed("gallery")


def picture(red: int, blue: int) -> bytes:
    """Write a PNG of 800 by 600 dots in one colour."""
    rows = (b"\0" + bytes((red, 0, blue)) * 800) * 600
    head = struct.pack(">IIBBBBB", 800, 600, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_two_people_see_a_picture_appear(
    gallery: httpx.Client, platform: Platform, cannot_test: CannotTest
) -> None:
    with launched() as browser:
        if browser is None:
            cannot_test("there is no Chromium on this machine")
        address = f"http://gallery.localhost:{platform.port}"
        one, other = browser.new_page(), browser.new_page()
        one.goto(address)
        other.goto(address)
        file = FilePayload(name="red.png", mimeType="image/png", buffer=picture(255, 0))
        one.get_by_label("Add pictures").set_input_files(file)
        for page in (one, other):
            image = page.locator("#photos img")
            image.wait_for(timeout=60_000)
            assert "red.png" in (image.get_attribute("alt") or "")
            page.wait_for_function("document.querySelector('#photos img').naturalWidth == 240")


def test_what_is_no_picture_is_told_and_does_not_come_again(
    gallery: httpx.Client, platform: Platform
) -> None:
    headers = {"content-type": "image/png"}
    url = "/_/v1/blobs/originals/fake.png"
    assert gallery.put(url, content=b"no picture", headers=headers).status_code in (200, 201)
    until(lambda: "failed" in photo(platform, "fake.png"), "nobody is told", seconds=60)
    dead = platform.api("GET", "/apps/gallery/events/dead").json()
    assert dead["deliveries"] == []


def test_a_deleted_picture_leaves_nothing(gallery: httpx.Client, platform: Platform) -> None:
    headers = {"content-type": "image/png"}
    gallery.put("/_/v1/blobs/originals/blue.png", content=picture(0, 255), headers=headers)
    until(lambda: "thumb" in photo(platform, "blue.png"), "no thumbnail", seconds=60)
    platform.api("DELETE", "/apps/gallery/blobs/originals/blue.png")
    until(lambda: not photo(platform, "blue.png"), "its document stays", seconds=60)
    assert gallery.get("/_/v1/blobs/thumbs/blue.png.webp").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/_/v1/blobs/originals/page.html", {"content-type": "text/html"}),
        ("PUT", "/_/v1/blobs/originals/deep/er.png", {"content-type": "image/png"}),
        ("PUT", "/_/v1/blobs/thumbs/mine.webp", {"content-type": "image/webp"}),
        ("DELETE", "/_/v1/blobs/originals/fake.png", {}),
        ("GET", "/_/v1/blobs/originals/fake.png", {}),
        ("PUT", "/_/v1/docs/photos/mine", {"content-type": "application/json"}),
        ("DELETE", "/_/v1/docs/photos/fake.png", {}),
    ],
)
def test_a_stranger_may_only_what_the_rules_say(
    gallery: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = gallery.request(method, path, content=b"{}", headers=headers)
    assert answer.status_code in (401, 403, 404), answer.text


def photo(platform: Platform, name: str) -> dict[str, str]:
    answer = platform.api("GET", f"/apps/gallery/docs/photos/{name}")
    found: dict[str, str] = answer.json()["data"] if answer.status_code == 200 else {}
    return found
