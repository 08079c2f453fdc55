"""A server killed in the middle of an operation goes on with it when it is started again."""

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.functional.aws.conftest import client_of
from tests.functional.aws.stacks.kit import Stacks
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
QUEUES = 60


def _template() -> str:
    resources: dict[str, Any] = {
        f"Q{n:02d}": {"Type": "AWS::SQS::Queue", "DependsOn": [f"Q{n - 1:02d}"] if n else []}
        for n in range(QUEUES)
    }
    return json.dumps({"Resources": resources})


def test_killed_while_a_stack_is_made(own_aws: Platform) -> None:
    stacks = Stacks(own_aws, client_of(own_aws))

    def create() -> None:
        try:
            stacks.formation.create_stack(StackName="one", TemplateBody=_template())
        except (ClientError, BotoCoreError):
            return

    asking = threading.Thread(target=create)
    asking.start()

    def some_made() -> bool:
        try:
            found = stacks.formation.describe_stack_resources(StackName="one")["StackResources"]
        except ClientError:
            return False
        return len(found) >= 5

    until(some_made, "some resources are made")
    own_aws.kill()
    asking.join()
    own_aws.start()
    again = Stacks(own_aws, client_of(own_aws))
    stack = again.settled("one")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    sqs = again.client("sqs")
    urls = sqs.list_queues(MaxResults=1_000)["QueueUrls"]
    resources = again.formation.describe_stack_resources(StackName="one")["StackResources"]
    assert len(resources) == QUEUES
    assert {one["PhysicalResourceId"].rpartition("/")[2] for one in resources} == {
        url.rpartition("/")[2] for url in urls
    }
    again.delete(stack)
    assert "QueueUrls" not in sqs.list_queues()
