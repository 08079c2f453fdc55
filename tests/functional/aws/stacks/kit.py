"""Stacks for tests: deployed as the AWS CLI does it, looked at, gone again."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from tests.functional.running import Platform
from tests.functional.waiting import until

Client = Callable[..., Any]
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def zipped(source: str) -> bytes:
    """Pack one module."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", source)
    return held.getvalue()


class Stacks:
    """CloudFormation as a person uses it."""

    def __init__(self, platform: Platform, client: Client) -> None:
        self.platform, self.client = platform, client
        self.formation = client("cloudformation")

    def upload(self, bucket: str, source: str) -> None:
        """Put a function's code where templates find it."""
        store = self.client("s3")
        store.create_bucket(Bucket=bucket)
        store.put_object(Bucket=bucket, Key="app.zip", Body=zipped(source))

    def drop(self, bucket: str) -> None:
        store = self.client("s3")
        store.delete_object(Bucket=bucket, Key="app.zip")
        store.delete_bucket(Bucket=bucket)

    def deploy(self, name: str, template: str, *, update: bool = False, **values: str) -> Any:
        """Deploy with a change set; give the stack when all is done."""
        self.formation.create_change_set(
            StackName=name,
            ChangeSetName="now",
            ChangeSetType="UPDATE" if update else "CREATE",
            TemplateBody=template,
            Capabilities=CAPABILITIES,
            Parameters=parameters(values),
        )
        self.formation.get_waiter("change_set_create_complete").wait(
            StackName=name, ChangeSetName="now"
        )
        self.formation.execute_change_set(StackName=name, ChangeSetName="now")
        stack = self.settled(name)
        self.formation.delete_change_set(StackName=name, ChangeSetName="now")
        return stack

    def settled(self, name: str) -> Any:
        """Wait until nothing is being done."""
        until(lambda: not self.stack(name)["StackStatus"].endswith("_IN_PROGRESS"), name)
        return self.stack(name)

    def stack(self, name: str) -> Any:
        return self.formation.describe_stacks(StackName=name)["Stacks"][0]

    def delete(self, stack: Mapping[str, Any]) -> Any:
        self.formation.delete_stack(StackName=stack["StackName"])
        self.formation.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"])
        return self.stack(stack["StackId"])

    def told(self, name: str) -> list[tuple[str, str]]:
        """Give what happened, the first first."""
        events = self.formation.describe_stack_events(StackName=name)["StackEvents"]
        return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reversed(events)]

    def get(self, api: str, path: str, **options: Any) -> httpx.Response:
        """Ask an API at the place that needs no DNS."""
        method = options.pop("method", "GET")
        url = f"{self.platform.url}/_/aws/execute-api/{api}{path}"
        return httpx.request(method, url, timeout=30, **options)


def parameters(values: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
