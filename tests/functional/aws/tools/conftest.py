"""What Terraform's things hang on."""

from collections.abc import Iterator

import pytest

from tests.functional.aws.tools.terraform import ACCOUNT, Client, unset, zipped


@pytest.fixture(scope="module")
def function(client: Client) -> Iterator[str]:
    """A function as the provider makes one: create, wait for Active, read."""
    functions = client("lambda")
    functions.create_function(
        FunctionName="tf",
        Description="",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/tf",
        MemorySize=128,
        Timeout=3,
        PackageType="Zip",
        Publish=False,
        Architectures=["x86_64"],
        Tags={"by": "tf"},
        Code={"ZipFile": zipped("def handler(event, context):\n    return event\n")},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="tf")
    yield "tf"
    functions.delete_function(FunctionName="tf")
    unset(functions.get_function, "ResourceNotFoundException", FunctionName="tf")
