"""`tapwater bill`, `tapwater bill compare` and `tapwater tariffs`, on a real platform."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import REPOSITORY, Platform

pytestmark = pytest.mark.slow

OURS = """
name = "ours"
says = "Ours."
currency = "EUR"

[[price]]
quantity = "calls"
per = "one"
price = "0.25"
free = "1"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("bill") / "data"
    data.mkdir()
    (data / "tariff.toml").write_text(OURS)
    with Platform(data) as platform:
        for body in ("1", "2"):
            platform.deploy({"restful/hello.py": f"def get():\n    return {body}\n"}, "shop")
            for _ in range(2):
                assert platform.get("/hello").status_code == 200
        yield platform


def tapwater(platform: Platform, *arguments: str, exit: int = 0) -> str:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-m", "tapwater_server.cli.main", *arguments],
        env={
            **keep,
            "PYTHONPATH": str(REPOSITORY / "src"),
            "TAPWATER_DATA": str(platform.data),
            "TAPWATER_URL": platform.url,
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == exit, ended.stderr
    return ended.stdout + ended.stderr


def test_the_bill_of_this_month(shop: Platform) -> None:
    # Four calls, one of them free: 3 x 0.25 = 0.75.
    said = tapwater(shop, "bill")
    assert "0.75 EUR" in said
    assert "azure-flex" in said
    by = tapwater(shop, "bill", "--by", "revision")
    assert "r1 " in by
    assert "r2 " in by
    bill = json.loads(tapwater(shop, "bill", "--as", "all", "--json"))
    assert (bill["total"], bill["currency"]) == ("0.75", "EUR")
    assert bill["lines"][0]["as"]["cloudflare"] == "5"


def test_other_forms(shop: Platform, tmp_path: Path) -> None:
    rows = tapwater(shop, "bill", "--csv").splitlines()
    assert rows[0].startswith("month,app,function,quantity,amount,unit")
    assert ",calls,4,,1,0.25,one,0.75,EUR,ours" in rows[1]
    assert rows[-1].endswith(",total,,,,,,0.75,EUR,ours")
    page = tmp_path / "bill.html"
    assert "is in" in tapwater(shop, "bill", "--html", str(page))
    assert "0.75 EUR" in page.read_text()


def test_two_revisions(shop: Platform) -> None:
    said = tapwater(shop, "bill", "compare", "shop", "hello", "--revisions", "1,2")
    assert "p99 ms" in said
    assert "250000.00 EUR" in said
    assert "a million by aws" in said
    assert "no revision 9" in tapwater(
        shop, "bill", "compare", "shop", "hello", "--revisions", "1,9", exit=5
    )
    tapwater(shop, "bill", "compare", "shop", "hello", "--revisions", "1", exit=2)


def test_tariffs(shop: Platform) -> None:
    assert "2026-08-03" in tapwater(shop, "tariffs")
    aws = tapwater(shop, "tariffs", "aws")
    assert "0.0000166667 USD" in aws
    assert "https://aws.amazon.com/lambda/pricing/" in aws
    assert "no tariff" in tapwater(shop, "tariffs", "ibm", exit=5)


def test_a_tariff_that_is_wrong_is_told_at_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "tariff.toml").write_text(OURS.replace('"0.25"', "0.25"))
    platform = Platform(data)
    with pytest.raises(AssertionError, match=r"price\[0\].price"):
        platform.start()
    platform.stop()
    platform.http.close()
