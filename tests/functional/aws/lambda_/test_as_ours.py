"""A Lambda function as our own API shows it, and what it lets itself be told from there."""

from typing import Any

import pytest

from tests.functional.aws.lambda_.conftest import Functions
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

RAISES = "def handler(event, context):\n    return event['tea']\n"


@pytest.fixture(scope="module")
def shown(aws: Platform, functions: Functions) -> dict[str, Any]:
    functions.create("Shown", RAISES)
    functions.client.get_waiter("function_active_v2").wait(FunctionName="Shown")
    detail: dict[str, Any] = aws.api("GET", "/apps/shown").json()
    return detail


def test_it_says_what_it_is_at_aws(shown: dict[str, Any]) -> None:
    (function,) = shown["revision"]["functions"]
    said = function["foreign"]
    assert (said["name"], said["version"], said["handler"]) == ("Shown", "$LATEST", "app.handler")
    assert said["home"] == "aws"


def test_the_list_tells_it_and_its_home_from_our_own_apps(
    shown: dict[str, Any], aws: Platform
) -> None:
    apps = {one["name"]: one for one in aws.api("GET", "/apps").json()["apps"]}
    assert apps["shown"]["cloud"] == "aws"
    assert apps["aws"]["cloud"] == ""
    assert "home of an AWS account" in apps["aws"]["note"]


def test_its_source_is_found_by_its_handler(shown: dict[str, Any], aws: Platform) -> None:
    source = aws.api("GET", "/apps/shown/source/handler").json()
    assert (source["file"], source["text"]) == ("app.py", RAISES)


@pytest.mark.parametrize(
    ("method", "path", "body", "instead"),
    [
        ("POST", "rollback", {}, "update-alias"),
        ("PUT", "aliases/canary", {"weights": {"1": 100}}, "update-alias"),
        ("DELETE", "aliases/canary", None, "delete-alias"),
        ("DELETE", "revisions/1", None, "delete-function"),
        ("PUT", "secrets/KEY", {"value": "x"}, "update-function-configuration"),
    ],
)
def test_what_lambda_decides_is_not_decided_here(
    shown: dict[str, Any], aws: Platform, method: str, path: str, body: Any, instead: str
) -> None:
    answer = aws.api(method, f"/apps/shown/{path}", json=body)
    assert answer.status_code == 400
    assert "shown is the Lambda function Shown: " in answer.json()["detail"]
    assert f"aws lambda {instead} --function-name Shown" in answer.json()["detail"]


def test_our_own_deploy_does_not_take_its_place(shown: dict[str, Any], aws: Platform) -> None:
    files = {"restful/hi.py": "def get():\n    return 1\n"}
    problem = aws.try_deploy(files, "shown")["problem"]
    assert "aws lambda update-function-code --function-name Shown" in problem["detail"]


def test_what_it_raises_is_a_group_with_a_traceback(
    shown: dict[str, Any], aws: Platform, functions: Functions
) -> None:
    functions.call("Shown", {"id": 1})

    def group() -> Any:
        (found,) = aws.api("GET", "/faults", params={"app": "shown"}).json()["faults"]
        return aws.api("GET", f"/faults/{found['id']}").json()

    until(lambda: group()["trace"].endswith("KeyError: 'tea'"), "the traceback is kept")
    fault = group()
    assert (fault["title"], fault["where"]) == ("KeyError: 'tea'", "app.py:handler")


def test_removed_here_it_is_gone_at_aws(aws: Platform, functions: Functions) -> None:
    functions.create("Removed")
    functions.client.get_waiter("function_active_v2").wait(FunctionName="Removed")
    aws.api("DELETE", "/apps/removed")

    def names() -> set[str]:
        return {one["FunctionName"] for one in functions.client.list_functions()["Functions"]}

    until(lambda: "Removed" not in names(), "the function is gone")
