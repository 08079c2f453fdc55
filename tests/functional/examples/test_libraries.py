"""Examples that bring libraries: pandas, Pillow, DuckDB, and programs that are not Python."""

import struct
import zlib

import httpx
import pytest

from tests.functional.examples.conftest import Deployed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # A layer is built first.

LOG = b"""\
203.0.113.7 - - [20/Nov/2026:10:00:01 +0000] "GET /tea?sort=price HTTP/1.1" 200 512 "-" "Firefox"
203.0.113.7 - - [20/Nov/2026:10:00:02 +0000] "GET /tea HTTP/1.1" 200 488 "-" "Firefox"
198.51.100.9 - - [20/Nov/2026:10:00:03 +0000] "GET /tea HTTP/1.1" 304 - "-" "Safari"
198.51.100.9 - - [20/Nov/2026:10:00:04 +0000] "POST /cart HTTP/2.0" 500 90 "-" "Safari"
192.0.2.1 - - [20/Nov/2026:10:00:05 +0000] "GET /tea HTTP/1.1" 200 512 "-" "Examplebot/2.1"
this is no line of a log
"""


@pytest.fixture(scope="module")
def report(deployed: Deployed) -> httpx.Client:
    return deployed("report")


@pytest.fixture(scope="module")
def thumbnails(deployed: Deployed) -> httpx.Client:
    return deployed("thumbnails")


@pytest.fixture(scope="module")
def etl(deployed: Deployed) -> httpx.Client:
    return deployed("etl")


def test_pandas_counts_real_penguins(report: httpx.Client) -> None:
    rows = report.get("/penguins").json()
    assert {row["species"]: row["penguins"] for row in rows} == {
        "Adelie": 152,
        "Chinstrap": 68,
        "Gentoo": 124,
    }
    assert rows[2]["body_mass_g"] == 5076.0


def test_pandas_filters_and_writes_csv(report: httpx.Client) -> None:
    answer = report.get("/penguins", params={"by": "sex", "species": "gentoo", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line.split(",")[:2] for line in answer.text.split()] == [
        ["sex", "penguins"],
        ["female", "58"],
        ["male", "61"],
    ]


def test_pandas_report_refuses_other_columns(report: httpx.Client) -> None:
    assert report.get("/penguins", params={"by": "password"}).status_code == 422
    assert report.get("/penguins", params={"format": "pdf"}).status_code == 422


def png(width: int, height: int, *, rows: int | None = None) -> bytes:
    """Write a red picture, without a library; with fewer rows than it announces, if asked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = (b"\0" + b"\xff\0\0" * width) * (height if rows is None else rows)
    pieces = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def test_pillow_makes_a_picture_small(thumbnails: httpx.Client) -> None:
    files = {"picture": ("red.png", png(800, 400), "image/png")}
    answer = thumbnails.post("/thumbnail", params={"side": 100, "format": "png"}, files=files)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert struct.unpack(">II", answer.content[16:24]) == (100, 50)


def test_pillow_refuses_what_is_no_picture(thumbnails: httpx.Client) -> None:
    files = {"picture": ("red.png", b"not a picture", "image/png")}
    answer = thumbnails.post("/thumbnail", files=files)
    assert answer.status_code == 415
    assert answer.json()["code"] == "picture"


def test_pillow_refuses_a_bomb(thumbnails: httpx.Client) -> None:
    files = {"picture": ("large.png", png(60_000, 60_000, rows=1))}
    answer = thumbnails.post("/thumbnail", files=files)
    assert answer.status_code == 413
    assert answer.json()["code"] == "pixels"


def test_a_picture_is_missing(thumbnails: httpx.Client) -> None:
    answer = thumbnails.post("/thumbnail", files={"other": ("a", b"b")})
    assert answer.status_code == 422
    assert [problem["where"] for problem in answer.json()["problems"]] == ["form.picture"]


def test_native_programs_and_libraries_gather_a_log(etl: httpx.Client) -> None:
    answer = etl.post("/traffic", content=LOG)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "lines": 6,
        "robots": 1,
        "refused": 1,
        "traffic": [
            {"path": "/tea", "hits": 3, "visitors": 2, "errors": 0, "bytes": 1000},
            {"path": "/cart", "hits": 1, "visitors": 1, "errors": 1, "bytes": 90},
        ],
    }


def test_native_library_writes_parquet(etl: httpx.Client) -> None:
    answer = etl.post("/traffic", params={"format": "parquet"}, content=LOG)
    assert answer.content[:4] == answer.content[-4:] == b"PAR1"


def test_a_log_with_nothing_in_it(etl: httpx.Client) -> None:
    assert etl.post("/traffic", content=b"hello\n").status_code == 422
