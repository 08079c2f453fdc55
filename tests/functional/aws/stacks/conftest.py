"""Stacks on the platform that all tests with AWS's clients share."""

import pytest

from tests.functional.aws.stacks.kit import Client, Stacks
from tests.functional.running import Platform


@pytest.fixture(scope="session")
def stacks(aws: Platform, client: Client) -> Stacks:
    return Stacks(aws, client)
