"""The ETL job on a schedule: files come by day, the report comes at night."""

import httpx
import pytest

from tests.functional.examples.conftest import Deployed
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
SALES = "product,euros\ntea,3.50\ncoffee,4.20\ntea,1.00\nwater,a lot\n"


@pytest.fixture(scope="module")
def nightly(deployed: Deployed) -> httpx.Client:
    return deployed("nightly")


def test_the_night_comes_when_it_is_told_to(nightly: httpx.Client, platform: Platform) -> None:
    put = platform.api("PUT", "/apps/nightly/blobs/incoming/monday.csv", content=SALES.encode())
    assert put.status_code in (200, 201), put.text
    platform.api("PUT", "/apps/nightly/blobs/incoming/notes.txt", content=b"not sales")
    asked = {"function": "sales/report"}
    ran = platform.api("POST", "/apps/nightly/schedules/-/run", json=asked)
    assert ran.status_code in (200, 202), ran.text
    until(lambda: bool(reports(nightly)), "no report", seconds=60)
    (report,) = reports(nightly)
    assert (report["cents"], report["best"], report["wrong_count"]) == (870, "tea", 1)
    table = platform.api("GET", f"/apps/nightly/blobs/reports/{report['day']}.csv")
    assert table.text.replace("\r\n", "\n") == "product,euros\ntea,4.50\ncoffee,4.20\n"
    left = platform.api("GET", "/apps/nightly/blobs/incoming").json()
    assert [one["key"] for one in left["blobs"]] == ["notes.txt"]


def test_it_is_due_at_three_in_berlin(nightly: httpx.Client, platform: Platform) -> None:
    (one,) = platform.api("GET", "/apps/nightly/schedules").json()["triggers"]
    assert (one["function"], one["zone"]) == ("sales/report", "Europe/Berlin")
    assert "T03:00:00" in one["next"]


def reports(nightly: httpx.Client) -> list[dict[str, object]]:
    found: list[dict[str, object]] = nightly.get("/sales-api/reports").json()
    return found
