"""Blobs over real HTTP: ranges, conditions, hostile names and bodies, forms, and a function."""

import base64
import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
CONTENT = bytes(range(256)) * 400

FUNCTION = """
from tapwater import blobs

def post(name: str, size: int):
    blobs.put(f"made/{name}", b"x" * size, metadata={"by": "function"})
    with blobs.open(f"made/{name}.copy", "wb") as out:
        with blobs.open(f"made/{name}") as source:
            while part := source.read(300_000):
                out.write(part)
    return {
        "size": len(blobs.get(f"made/{name}.copy")),
        "keys": [blob.key for blob in blobs.list("made")],
        "url": blobs.sign_url(f"made/{name}"),
    }
"""
TRIGGERED = """
from tapwater import blobs, on

@on.upload("incoming/**")
def note(event):
    data = event.data
    source = f"{data['bucket']}/{data['key']}"
    blobs.put("noted/" + data["key"], blobs.get(source)[:10] + b"!")
"""


RULES = """
[blobs."public/**"]
read = "true"

[blobs."drops/{name}"]
create = "new.size < 100 && new.content_type == 'text/plain'"
"""


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    platform.deploy(
        {
            "media/restful/make.py": FUNCTION,
            "media/reactive/note.py": TRIGGERED,
            "rules.toml": RULES,
        },
        "shop",
    )
    return platform


def ask(platform: Platform, method: str, path: str, **options: Any) -> httpx.Response:
    return platform.api(method, f"/apps/shop/blobs{path}", **options)


def test_a_blob_is_stored_read_and_deleted(shop: Platform) -> None:
    headers = {"content-type": "image/png", "tapwater-metadata": '{"owner": "42"}'}
    stored = ask(shop, "PUT", "/box/a.png", content=CONTENT, headers=headers)
    assert stored.status_code == 201
    etag = stored.headers["etag"]
    read = ask(shop, "GET", "/box/a.png")
    assert (read.status_code, read.content) == (200, CONTENT)
    assert read.headers["content-type"] == "image/png"
    assert read.headers["etag"] == etag
    assert json.loads(read.headers["tapwater-metadata"]) == {"owner": "42"}
    head = ask(shop, "HEAD", "/box/a.png")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    assert ask(shop, "DELETE", "/box/a.png").status_code == 204
    assert ask(shop, "DELETE", "/box/a.png").status_code == 404
    assert ask(shop, "GET", "/box/a.png").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "low", "high"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=102000-", 206, 102_000, 102_400),
        ("bytes=-5", 206, 102_395, 102_400),
        ("bytes=0-999999999", 206, 0, 102_400),
        ("bytes=5-1", 200, 0, 102_400),
        ("bytes=0-1,5-6", 200, 0, 102_400),
        ("lines=0-1", 200, 0, 102_400),
    ],
)
def test_ranges(shop: Platform, asked: str, status: int, low: int, high: int) -> None:
    ask(shop, "PUT", "/box/ranges", content=CONTENT)
    read = ask(shop, "GET", "/box/ranges", headers={"range": asked})
    assert (read.status_code, read.content) == (status, CONTENT[low:high])
    if status == 206:
        assert read.headers["content-range"] == f"bytes {low}-{high - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=102400-", "bytes=-0", "bytes=999999999-1000000000"])
def test_a_range_outside_is_refused(shop: Platform, asked: str) -> None:
    ask(shop, "PUT", "/box/ranges", content=CONTENT)
    read = ask(shop, "GET", "/box/ranges", headers={"range": asked})
    assert (read.status_code, read.json()["code"]) == (416, "range")


def test_conditions_decide(shop: Platform) -> None:
    stored = ask(shop, "PUT", "/box/c", content=b"one")
    etag = stored.headers["etag"]
    since = ask(shop, "GET", "/box/c").headers["last-modified"]
    statuses = {
        (name, value): ask(shop, "GET", "/box/c", headers={name: value}).status_code
        for name, value in (
            ("if-none-match", etag),
            ("if-none-match", '"other"'),
            ("if-match", etag),
            ("if-match", '"other"'),
            ("if-modified-since", since),
            ("if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT"),
        )
    }
    assert list(statuses.values()) == [304, 200, 200, 412, 304, 412]
    again = ask(shop, "PUT", "/box/c", content=b"two", headers={"if-none-match": "*"})
    assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")
    assert ask(shop, "GET", "/box/c").content == b"one"
    ranged = {"range": "bytes=0-0", "if-range": '"other"'}
    assert ask(shop, "GET", "/box/c", headers=ranged).content == b"one"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("content-md5", "no base64"),
        ("content-digest", "sha-256=:AAAA:"),
        ("content-digest", "sha-256"),
        ("content-digest", "rot13=:AAAA:"),
        ("tapwater-metadata", "[1]"),
        ("tapwater-metadata", '{"a": 1}'),
        ("tapwater-metadata", '{"Upper": "x"}'),
        ("content-type", "no type"),
        ("if-match", "'x"),
    ],
)
def test_what_does_not_fit_is_refused(shop: Platform, name: str, value: str) -> None:
    for content in (b"one", CONTENT):
        answer = ask(shop, "PUT", "/box/refused", content=content, headers={name: value})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert ask(shop, "GET", "/box/refused").status_code == 404


def test_a_checksum_that_fits_is_kept(shop: Platform) -> None:
    sha256 = base64.b64encode(hashlib.sha256(b"one").digest()).decode()
    digest = f"sha-256=:{sha256}:"
    stored = ask(shop, "PUT", "/box/sum", content=b"one", headers={"content-digest": digest})
    assert stored.status_code == 201
    assert ask(shop, "GET", "/box/sum").headers["repr-digest"] == digest


@pytest.mark.parametrize(
    "key",
    [
        "ü/ñ/😀",
        "a b+c?d#e&f=g%h",
        "a//b",
        "...",
        "k" * 1024,
        "-/x",
        "back\\slash",
        "'; DROP TABLE blob; --",
        '<script>"',
    ],
)
def test_strange_keys_are_names_like_others(shop: Platform, key: str) -> None:
    path = f"/strange/{quote(key, safe='')}"
    assert ask(shop, "PUT", path, content=key.encode()).status_code == 201
    assert ask(shop, "GET", path).content == key.encode()
    listed = ask(shop, "GET", "/strange", params={"limit": 1000}).json()["blobs"]
    assert key in [blob["key"] for blob in listed]
    assert ask(shop, "DELETE", path).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/box/..%2f..%2fetc%2fpasswd",
        "/box/a%2F..%2Fb",
        "/box/%2e%2e/x",
        "/box/a%00b",
        "/box/a%0ab",
        "/box/" + "k" * 1025,
        "/Box/a",
        "/b/a",
        "/a..b/x",
        "/box/%ff",
    ],
)
def test_names_that_lead_astray_are_refused(shop: Platform, path: str) -> None:
    answer = ask(shop, "PUT", path, content=b"x")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_strangers_upload_is_tamed(shop: Platform) -> None:
    for key, kind, shown in (
        ("page", "text/html", False),
        ("pic", "image/svg+xml", False),
        ("code", "text/javascript", False),
        ("photo", "image/jpeg", True),
    ):
        headers = {"content-type": kind, "content-disposition": 'inline; filename="x"'}
        ask(shop, "PUT", f"/box/{key}", content=b"<script>", headers=headers)
        read = ask(shop, "GET", f"/box/{key}")
        said = read.headers["content-disposition"]
        assert said == ("inline" if shown else "attachment") + '; filename="x"'
        assert read.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in read.headers["content-security-policy"]
        run = ask(shop, "GET", f"/box/{key}", headers={"sec-fetch-dest": "script"})
        assert (run.status_code, run.json()["code"]) == (403, "not_allowed")
        disguised = {"content-type": "application/pdf;,text/html"}
        assert ask(shop, "PUT", f"/box/{key}", content=b"x", headers=disguised).status_code == 400


def test_nobody_sees_nothing_without_a_rule(shop: Platform) -> None:
    ask(shop, "PUT", "/box/private", content=b"x")
    place = f"{shop.url}/_/api/v1/apps/shop/blobs/box"
    assert shop.http.get(f"{place}/private").status_code == 404
    assert shop.http.get(f"{place}/nothing").status_code == 404
    assert shop.http.put(f"{place}/mine", content=b"x").status_code == 403
    assert shop.http.delete(f"{place}/private").status_code == 404
    assert shop.http.get(place).status_code == 403
    assert shop.http.get(f"{place}/private?signature=x&expires=9999999999").status_code == 403


def test_rules_of_the_app_are_obeyed(shop: Platform) -> None:
    ask(shop, "PUT", "/public/a/1.txt", content=b"for all")
    read = shop.visit("shop", "/_/v1/blobs/public/a/1.txt")
    assert (read.status_code, read.content) == (200, b"for all")
    listed = shop.visit("shop", "/_/v1/blobs/public?prefix=a/").json()["blobs"]
    assert [blob["key"] for blob in listed] == ["a/1.txt"]
    text = {"content-type": "text/plain"}

    def drop(name: str, content: bytes, headers: dict[str, str]) -> int:
        path = f"/_/v1/blobs/drops/{name}"
        return shop.visit("shop", path, method="PUT", content=content, headers=headers).status_code

    assert drop("1", b"x", text) == 201
    assert drop("1", b"y", text) == 403  # It may be created, not replaced.
    assert drop("2", bytes(100), text) == 403
    assert drop("2", b"x", {"content-type": "text/html"}) == 403
    assert drop("a%2Fb", b"x", text) == 403
    assert shop.visit("shop", "/_/v1/blobs/drops/1").status_code == 404
    assert shop.visit("shop", "/_/v1/blobs/drops?delimiter=/").status_code == 403
    assert ask(shop, "GET", "/drops/1").content == b"x"


def test_a_signed_url_does_one_thing(shop: Platform) -> None:
    ask(shop, "PUT", "/box/shared", content=b"for you")
    signed = ask(
        shop,
        "POST",
        "/-/sign",
        json={"bucket": "box", "key": "shared", "disposition": "attachment"},
    ).json()["url"]
    read = shop.http.get(signed)
    assert (read.content, read.headers["content-disposition"]) == (b"for you", "attachment")
    assert shop.http.get(signed.replace("shared", "private")).status_code == 403
    assert (
        shop.http.get(signed.replace("disposition=attachment", "disposition=inline")).status_code
        == 403
    )
    assert shop.http.put(signed, content=b"x").status_code == 403
    assert shop.http.delete(signed).status_code in {403, 404}
    limits = {"bytes_max": 5, "content_type": "text/plain", "method": "PUT"}
    signed = ask(shop, "POST", "/-/sign", json={"bucket": "box", "key": "yours", **limits}).json()[
        "url"
    ]
    text = {"content-type": "text/plain"}
    assert shop.http.put(signed, content=b"123456", headers=text).status_code == 413
    assert shop.http.put(signed, content=b"12345").status_code == 403
    assert shop.http.put(signed, content=b"12345", headers=text).status_code == 201
    assert ask(shop, "GET", "/box/yours").content == b"12345"
    too_long = {"bucket": "box", "key": "a", "expires_s": 1e9}
    assert ask(shop, "POST", "/-/sign", json=too_long).status_code == 400


def test_a_form_uploads_into_its_prefix(shop: Platform) -> None:
    asked = {"bucket": "box", "prefix": "forms/", "bytes_max": 200_000, "redirect": "/done"}
    form = ask(shop, "POST", "/-/form", json=asked).json()
    sent = {"file": ("C:\\fakepath\\pic.png", CONTENT, "image/png")}
    answer = shop.http.post(form["url"], data=form["fields"], files=sent, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/done")
    read = ask(shop, "GET", "/box/forms/pic.png")
    assert (read.content, read.headers["content-type"]) == (CONTENT, "image/png")
    elsewhere = {**form["fields"], "key": "private"}
    assert shop.http.post(form["url"], data=elsewhere, files=sent).status_code == 403
    changed = {**form["fields"], "policy": form["fields"]["policy"][:-4]}
    assert shop.http.post(form["url"], data=changed, files=sent).status_code == 403
    large = {"file": ("a", bytes(300_000), "image/png")}
    assert shop.http.post(form["url"], data=form["fields"], files=large).status_code == 413
    assert shop.http.post(form["url"], data=form["fields"]).status_code == 400
    assert ask(shop, "GET", "/box/forms/a").status_code == 404


def test_a_client_that_goes_in_the_middle_leaves_nothing(shop: Platform) -> None:
    request = (
        f"PUT /_/api/v1/apps/shop/blobs/box/half HTTP/1.1\r\nhost: x\r\n"
        f"authorization: Bearer {shop.token}\r\ncontent-length: 10000000\r\n\r\n"
    )
    files = shop.data / "blobs"
    before = len([path for path in files.rglob("*") if path.is_file()])
    with socket.create_connection(("127.0.0.1", shop.port)) as connection:
        connection.sendall(request.encode() + bytes(3_000_000))
        until(
            lambda: len([path for path in files.rglob("*") if path.is_file()]) > before,
            "the upload has begun",
        )
    until(
        lambda: len([path for path in files.rglob("*") if path.is_file()]) == before,
        "what had come is removed",
    )
    assert ask(shop, "GET", "/box/half").status_code == 404


def test_many_writers_leave_one_whole_content(shop: Platform) -> None:
    contents = [bytes([n]) * 200_000 for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda content: ask(shop, "PUT", "/box/raced", content=content), contents)
        )
    assert {answer.status_code for answer in answers} == {201}
    assert ask(shop, "GET", "/box/raced").content in contents


def test_a_function_uses_blobs_through_its_line(shop: Platform) -> None:
    made = shop.visit("shop", "/media-api/make?name=big&size=2000000", method="POST")
    assert made.status_code == 200, made.text
    said = made.json()
    assert (said["size"], said["keys"]) == (2_000_000, ["big", "big.copy"])
    assert ask(shop, "GET", "/made/big.copy").content == b"x" * 2_000_000
    assert "/_/v1/blobs/made/big?" in said["url"]
    path = said["url"].partition("/_/v1/")[2]
    assert shop.visit("shop", f"/_/v1/{path}").content == b"x" * 2_000_000


def test_an_upload_triggers_a_function(shop: Platform) -> None:
    ask(shop, "PUT", "/incoming/a/1.txt", content=b"hello there, function")
    until(
        lambda: ask(shop, "GET", "/noted/a/1.txt").content == b"hello ther!",
        "the function was told",
    )


def test_an_erased_app_keeps_no_blobs(shop: Platform) -> None:
    app = {"hello.py": "def get():\n    return 1\n"}
    shop.deploy(app, "gone")
    place = "/apps/gone/blobs/box"
    assert shop.api("PUT", f"{place}/a", content=CONTENT).status_code == 201
    assert shop.api("DELETE", "/apps/gone").status_code < 300
    assert shop.api("GET", f"{place}/a").status_code == 404
    shop.deploy(app, "gone")
    assert shop.api("GET", f"{place}/a").status_code == 404
    assert shop.api("GET", "/apps/gone/blobs").json() == {"buckets": []}


def test_the_api_describes_itself(shop: Platform) -> None:
    paths = shop.visit("shop", "/_/v1/openapi.json").json()["paths"]
    assert {"get", "put", "patch", "delete"} <= paths["/blobs/{bucket}/{key}"].keys()
    assert "post" in paths["/blobs/-/uploads"]
