"""Entries of PutEvents: what is taken, what is refused, and how much at once."""

import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.events.putting import (
    DEPTH_MAX,
    SIZE_BYTES_MAX,
    BadEntry,
    check_size,
    event_of,
    size_of,
)
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT

ENTRY = {"Source": "shop", "DetailType": "Order", "Detail": '{"n": 1}'}


def test_an_entry_becomes_an_event() -> None:
    made = event_of({**ENTRY, "Resources": ["r"], "Time": 1.0}, ACCOUNT, id="i", now=9.0)
    assert made == {
        "version": "0",
        "id": "i",
        "detail-type": "Order",
        "source": "shop",
        "account": ACCOUNT.id,
        "time": "1970-01-01T00:00:01Z",
        "region": ACCOUNT.region,
        "resources": ["r"],
        "detail": {"n": 1},
    }


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": None}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "no"}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Detail": "[" * 100_000}, "MalformedDetail"),
        ({"Detail": '{"a":' * (DEPTH_MAX + 1) + "1" + "}" * (DEPTH_MAX + 1)}, "MalformedDetail"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
    ],
)
def test_what_is_no_event_is_refused(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(BadEntry) as refused:
        event_of({**ENTRY, **wrong}, ACCOUNT, id="i", now=9.0)
    assert refused.value.code == code


def test_all_entries_together_have_a_ceiling() -> None:
    large = {**ENTRY, "Detail": json.dumps({"a": "x" * (SIZE_BYTES_MAX // 2)})}
    check_size([large])
    with pytest.raises(AwsError, match="over the limit"):
        check_size([large, large])
    assert size_of({**ENTRY, "Time": 1.0, "Resources": ["ab"]}) == 14 + 4 + 5 + 8 + 2
