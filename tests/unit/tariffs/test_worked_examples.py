"""Bills computed by hand from the clouds' published formulas, and by us from the shipped files.

An example says so where it was seen on a page; all others are our own arithmetic.

Each example says what one call is, as a ``Record`` of the meter, so that the rounding of calls
(model/usage.py) is tested together with prices, grants and tiers.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files

import pytest

from tapwater_server.model.pricing import Used, add, price_month
from tapwater_server.model.tariff import Tariff, read_tariff
from tapwater_server.model.usage import amounts
from tapwater_server.ports.meter import Record

MILLION = 1_000_000
GIB = 1 << 30


def shipped(name: str) -> Tariff:
    text = files("tapwater_server.tariffs").joinpath(f"{name}.toml").read_text()
    return read_tariff(text, where=name)


def calls(
    count: int,
    *,
    ms: float,
    mb: int = 128,
    peak_mb: float = 0,
    cpu_ms: float = 0,
    bytes_out: int = 0,
    used: Mapping[str, float] | None = None,
) -> dict[str, Decimal]:
    """So many calls that are all alike."""
    record = Record(
        id="1",
        at=0.0,
        app="shop",
        function="orders/take",
        revision="r",
        method="GET",
        path="/",
        status=200,
        ending="ok",
        cold=False,
        queue_ms=0.0,
        wall_ms=ms,
        cpu_ms=cpu_ms,
        memory_peak_bytes=int(peak_mb * 2**20),
        memory_bytes=mb << 20,
        bytes_in=0,
        bytes_out=bytes_out,
        instance="i",
        used=dict(used or {}),
    )
    return {name: Decimal(repr(float(n))) * count for name, n in amounts(record).items()}


def total(tariff: str, sums: Mapping[str, Decimal]) -> Decimal:
    lines = price_month(shipped(tariff), [Used(party="default", key=(), amounts=sums)])
    return add(line.cost for line in lines)


def near(cost: Decimal, by_hand: str) -> bool:
    """To a millionth of a dollar: prices per unit are themselves rounded in what is published."""
    return abs(cost - Decimal(by_hand)) < Decimal("0.000001")


# AWS: 3 million calls of 120 ms at 1,536 MB. Our own arithmetic.
#   compute: 3,000,000 x 0.120 s x 1.5 GB = 540,000 GB-s; less 400,000 = 140,000 GB-s
#            140,000 x $0.0000166667 = $2.333338
#   requests: 3 M less 1 M = 2 M x $0.20 = $0.40
def test_aws_three_million_calls() -> None:
    assert near(total("aws", calls(3 * MILLION, ms=120, mb=1536)), "2.733338")


# AWS: 30 million calls of 200 ms at 128 MB: the second example of
# https://aws.amazon.com/lambda/pricing/ in a copy from when it rounded to 100 ms (undated, read
# 2026-11-21), at the price of today.
#   compute: 30,000,000 x 0.2 s x 0.125 GB = 750,000 GB-s; less 400,000 = 350,000
#            350,000 x $0.0000166667 = $5.833345
#   requests: 29 M x $0.20 = $5.80
def test_aws_thirty_million_small_calls() -> None:
    assert near(total("aws", calls(30 * MILLION, ms=200)), "11.633345")


# AWS: each call is rounded up to the millisecond, not the sum: 10 million of 1.2 ms at 1,024 MB.
#   compute: 10,000,000 x 0.002 s x 1 GB = 20,000 GB-s, within the grant: $0
#   requests: 9 M x $0.20 = $1.80
# ... and with four times the memory and 50 million:
#   compute: 50,000,000 x 0.002 x 4 = 400,000 GB-s, exactly the grant: $0; had the sum been
#   rounded it would be 240,000 GB-s. One call more is 0.008 GB-s x $0.0000166667 = $0.000000133
#   requests: 49 M x $0.20 = $9.80
def test_aws_rounds_each_call() -> None:
    assert total("aws", calls(10 * MILLION, ms=1.2, mb=1024)) == Decimal("1.80")
    assert total("aws", calls(50 * MILLION, ms=1.2, mb=4096)) == Decimal("9.80")
    one_more = total("aws", calls(50 * MILLION + 1, ms=1.2, mb=4096))
    by_hand = Decimal("0.008") * Decimal("0.0000166667") + Decimal("0.2") / MILLION
    assert abs(one_more - Decimal("9.80") - by_hand) < Decimal("1e-12")


# AWS: tiers. 8 billion calls of 1 s at 1,024 MB = 8,000,000,000 GB-s; less 400,000.
#   first 6,000,000,000 x $0.0000166667          = $100,000.20
#   the other 1,999,600,000 x $0.000015          =  $29,994.00
#   requests: 7,999 M x $0.20                    =   $1,599.80
def test_aws_tiers() -> None:
    assert near(total("aws", calls(8_000 * MILLION, ms=1000, mb=1024)), "131594.000000")


# AWS on Arm: 3 million calls of 120 ms at 1,536 MB.
#   140,000 GB-s x $0.0000133334 = $1.866676, and $0.40
def test_aws_arm() -> None:
    assert near(total("aws-arm", calls(3 * MILLION, ms=120, mb=1536)), "2.266676")


# AWS: what a call uses besides. 2 million calls of 1 ms at 128 MB, each reads 3 documents and
# writes one, stores one object, and answers with 100 KiB.
#   requests: 1 M x $0.20 = $0.20; compute 250 GB-s: free
#   reads: 6 M x $0.125 = $0.75; writes: 2 M x $0.625 = $1.25
#   objects: 2,000,000 / 1,000 x $0.005 = $10.00
#   out: 2,000,000 x 100 KiB = 190.734863... GiB, less 100 = 90.734863 x $0.09 = $8.166138
def test_aws_with_data() -> None:
    sums = calls(
        2 * MILLION,
        ms=1,
        bytes_out=100 << 10,
        used={"doc_reads": 3, "doc_writes": 1, "blob_writes": 1},
    )
    out = (Decimal(2 * MILLION) * (100 << 10) / GIB - 100) * Decimal("0.09")
    by_hand = Decimal("0.20") + Decimal("0.75") + Decimal("1.25") + 10 + out
    assert abs(total("aws", sums) - by_hand) < Decimal("0.000001")


# Cloud Run functions: 10 million calls of 350 ms at 512 MB. Rounded up to 400 ms; 512 MiB comes
# with 1/3 vCPU (333m).
#   memory: 10,000,000 x 0.4 s x 0.5 GiB = 2,000,000 GiB-s; less 360,000 = 1,640,000
#           x $0.0000025 = $4.10
#   cpu:    10,000,000 x 0.4 s x 1/3 = 1,333,333.33 vCPU-s; less 180,000 = 1,153,333.33
#           x $0.000024 = $27.68
#   requests: 8 M x $0.40 = $3.20
def test_cloudrun_ten_million_calls() -> None:
    assert near(total("cloudrun", calls(10 * MILLION, ms=350, mb=512)), "34.980000")


# Cloud Run functions: one call of 1 ms counts as one of 100 ms: 3 million at 2,048 MB, 1 vCPU.
#   memory: 3,000,000 x 0.1 s x 2 GiB = 600,000 GiB-s; less 360,000 = 240,000 x $0.0000025 = $0.60
#   cpu:    3,000,000 x 0.1 s x 1 = 300,000 vCPU-s; less 180,000 = 120,000 x $0.000024 = $2.88
#   requests: 1 M x $0.40 = $0.40
def test_cloudrun_counts_a_tenth_of_a_second_at_least() -> None:
    assert near(total("cloudrun", calls(3 * MILLION, ms=1, mb=2048)), "3.880000")


# Cloud Run functions within every grant: 100,000 calls of 500 ms at 1,024 MB cost nothing.
#   memory 50,000 GiB-s < 360,000; cpu 100,000 x 0.5 x 7/12 = 29,167 < 180,000; 100,000 < 2 M
def test_cloudrun_grants() -> None:
    assert total("cloudrun", calls(100_000, ms=500, mb=1024)) == 0


# Firestore beside it: a million reads, half a million writes.
#   reads: 1,000,000 less 30 x 50,000 = none: $0
#   writes: 500,000 ... less 30 x 20,000 = none: $0; 2 million writes: 1,400,000 / 100,000 x $0.09
def test_cloudrun_with_documents() -> None:
    within = {"doc_reads": Decimal(MILLION), "doc_writes": Decimal(MILLION) / 2}
    assert total("cloudrun", within) == 0
    assert total("cloudrun", {"doc_writes": Decimal(2 * MILLION)}) == Decimal("1.26")


# Azure Consumption: 3 million calls of 1 s with 512 MB in use. Our own arithmetic.
#   3,000,000 x 1 s x 0.5 GB = 1,500,000 GB-s; less 400,000 = 1,100,000 x $0.000016 = $17.60
#   executions: 3 M less 1 M = 2 M x $0.20 = $0.40
def test_azure_consumption_three_million_calls() -> None:
    sums = calls(3 * MILLION, ms=1000, mb=1536, peak_mb=512)
    assert near(total("azure-consumption", sums), "18.000000")


# Azure Consumption: 3 million calls of 1 s with 1,536 MB in use, the example of
# https://modal.com/blog/azure-function-pricing-guide (undated copy, read 2026-11-21): $66.00.
#   3,000,000 x 1 s x 1.5 GB = 4,500,000 GB-s; less 400,000 = 4,100,000 x $0.000016 = $65.60
#   executions: 2 M x $0.20 = $0.40
def test_azure_consumption_example_of_a_second_source() -> None:
    sums = calls(3 * MILLION, ms=1000, mb=1536, peak_mb=1536)
    assert near(total("azure-consumption", sums), "66.000000")


# Azure Consumption rounds memory up to 128 MB and counts 100 ms at least: 20 million calls of
# 20 ms with 129 MB in use = 256 MB x 100 ms.
#   20,000,000 x 0.1 s x 0.25 GB = 500,000 GB-s; less 400,000 = 100,000 x $0.000016 = $1.60
#   executions: 19 M x $0.20 = $3.80
def test_azure_consumption_minimums() -> None:
    sums = calls(20 * MILLION, ms=20, peak_mb=129)
    assert near(total("azure-consumption", sums), "5.400000")


# Azure Consumption counts 1,536 MB at most: 2 million calls of 500 ms with 3 GB in use.
#   2,000,000 x 0.5 s x 1.5 GB = 1,500,000 GB-s; less 400,000 = 1,100,000 x $0.000016 = $17.60
#   executions: 1 M x $0.20 = $0.20
def test_azure_consumption_ceiling() -> None:
    sums = calls(2 * MILLION, ms=500, peak_mb=3072)
    assert near(total("azure-consumption", sums), "17.800000")


# Azure Flex: 3 million calls of 1 s on instances of 2,048 MB.
#   3,000,000 x 1 s x 2 GB = 6,000,000 GB-s; less 100,000 = 5,900,000 x $0.000026 = $153.40
#   executions: 3 M less 250,000 = 2.75 M x $0.40 = $1.10
def test_azure_flex_three_million_calls() -> None:
    sums = calls(3 * MILLION, ms=1000, mb=2048)
    assert near(total("azure-flex", sums), "154.500000")


# Azure Flex counts a second at least: 1 million calls of 50 ms at 512 MB.
#   1,000,000 x 1 s x 0.5 GB = 500,000 GB-s; less 100,000 = 400,000 x $0.000026 = $10.40
#   executions: 0.75 M x $0.40 = $0.30
def test_azure_flex_minimum() -> None:
    assert near(total("azure-flex", calls(MILLION, ms=50, mb=512)), "10.700000")


# Azure Flex rounds up to 100 ms beyond that, and to an instance size: 400,000 calls of 1,210 ms at
# 600 MB are 1,300 ms on 2,048 MB.
#   400,000 x 1.3 s x 2 GB = 1,040,000 GB-s; less 100,000 = 940,000 x $0.000026 = $24.44
#   executions: 150,000 x $0.40 / 1,000,000 = $0.06
def test_azure_flex_rounding() -> None:
    assert near(total("azure-flex", calls(400_000, ms=1210, mb=600)), "24.500000")


# Cloudflare: 15 million requests of 7 ms of processor time: Example 1 of
# workers/platform/pricing.mdx in github.com/cloudflare/cloudflare-docs (copy read 2026-11-21),
# which says $8.00.
#   subscription $5; requests: 5 M x $0.30 = $1.50
#   cpu: 105 M ms less 30 M = 75 M x $0.02 = $1.50
def test_cloudflare_first_example_of_the_page() -> None:
    sums = calls(15 * MILLION, ms=40, cpu_ms=7)
    assert total("cloudflare", sums) == Decimal("8.00")


# Cloudflare: 100 million requests of 7 ms: Example 4 of the same page, which says $45.40.
#   $5; 90 M x $0.30 = $27.00; 700 M ms less 30 M = 670 M x $0.02 = $13.40
def test_cloudflare_high_traffic_example_of_the_page() -> None:
    sums = calls(100 * MILLION, ms=40, cpu_ms=7)
    assert total("cloudflare", sums) == Decimal("45.40")


# Cloudflare: a scheduled job, 720 requests of 3 minutes of processor time: Example 3 of the same
# page, which says $6.99.
#   $5; requests within the 10 M
#   cpu: 720 x 180,000 ms = 129.6 M less 30 M = 99.6 M x $0.02 = $1.992
def test_cloudflare_scheduled_example_of_the_page() -> None:
    sums = calls(720, ms=180_000, cpu_ms=180_000)
    assert total("cloudflare", sums) == Decimal("6.992")


# Cloudflare Queues: a million messages a day, each written, read and deleted: the first example of
# queues/platform/pricing.mdx there (copy read 2026-11-21), which says $35.60 besides the plan.
#   3 x 30 M = 90 M operations less 1 M = 89 M x $0.40 = $35.60
def test_cloudflare_queues_example_of_the_page() -> None:
    assert total("cloudflare", {"queue_ops": Decimal(90 * MILLION)}) == Decimal("40.60")


# Cloudflare D1: 50 million rows written are free, those beyond cost $1.00 a million.
def test_cloudflare_rows_written() -> None:
    assert total("cloudflare", {"doc_writes": Decimal(50 * MILLION)}) == Decimal("5.00")
    assert total("cloudflare", {"doc_writes": Decimal(53 * MILLION)}) == Decimal("8.00")


# Cloud Storage: the simple example of https://cloud.google.com/storage/pricing-examples (undated
# copy, read 2026-11-21): 50 GB kept, 10,000 operations of class A, 50,000 of class B, 1 GB out:
# $1.19 without what is always free. Here 5 GB, 5,000 and all of class B are free.
#   45 x $0.020 = $0.90; 5,000 / 10,000 x $0.05 = $0.025; 1 x $0.12
def test_cloud_storage_example_of_the_page() -> None:
    sums = {
        "blob_byte_hours": Decimal(50 * GIB * 730),
        "blob_writes": Decimal(10_000),
        "blob_reads": Decimal(50_000),
        "blob_bytes_out": Decimal(GIB),
    }
    assert total("cloudrun", sums) == Decimal("1.045")


# Pub/Sub: $40 a TiB, 1,000 bytes a request at least, 10 GiB free.
#   100 million x 1,000 B = 0.0909495 TiB x $40 = $3.637979; less 10 GiB = 0.0097656 TiB: $0.390625
def test_pub_sub_counts_small_requests_as_a_thousand_bytes() -> None:
    by_hand = Decimal("3.637979") - Decimal("0.390625")
    cost = total("cloudrun", {"queue_ops": Decimal(100 * MILLION)})
    assert abs(cost - by_hand) < Decimal("0.001")


# SES, the plan of new accounts: 20 million mails are 10 M x $0.16 and 10 M x $0.14 a thousand.
def test_ses_essentials() -> None:
    assert total("aws", {"mails": Decimal(20 * MILLION)}) == Decimal(3000)


# Cloudflare does not ask how long a call waited: ten minutes of waiting change nothing.
def test_cloudflare_waiting_is_free() -> None:
    assert total("cloudflare", calls(1, ms=600_000, cpu_ms=1)) == Decimal("5.00")


@pytest.mark.parametrize(
    "name", ["aws", "aws-arm", "cloudrun", "azure-consumption", "azure-flex", "cloudflare"]
)
def test_each_is_dated_and_says_where_it_is_from(name: str) -> None:
    tariff = shipped(name)
    for price in tariff.prices:
        read = re.search(r"20[0-9]{2}|unchecked", price.source)
        assert read, f"{price.quantity}: where was it read, and when?"
    assert tariff.name == name
    assert tariff.as_of is not None
    assert sum(one.startswith("https://") for one in tariff.sources) >= 2
    assert total(name, {}) == 0, "who used nothing pays nothing, not even a fee"


def test_ours_is_free() -> None:
    assert shipped("ours").is_free
    assert total("ours", calls(MILLION, ms=1000, bytes_out=GIB)) == 0
