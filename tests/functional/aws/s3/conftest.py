"""Clients of S3 for these tests, and a bucket for each of them."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def s3(client: Callable[..., Any]) -> Any:
    """boto3, as the account's root."""
    from botocore.config import Config

    return client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3: Any) -> str:
    """An empty bucket."""
    name = f"of-a-test-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    return name


def code_of(error: "pytest.ExceptionInfo[Any]") -> tuple[str, int]:
    """What an error says, in short."""
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
