"""A server killed while functions are made: what it answered is there, what is there works."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.functional.aws.conftest import client_of
from tests.functional.aws.lambda_.conftest import Functions, code
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


class Busy:
    """Does something with rising numbers in a thread, until the server is gone."""

    def __init__(self, doing: Callable[[int], object]) -> None:
        self.done = 0
        self._doing = doing
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                self._doing(self.done)
                self.done += 1
        except (ClientError, BotoCoreError):
            return


def test_killed_in_the_middle_of_making_functions(own_aws: Platform) -> None:
    functions = Functions(client_of(own_aws)("lambda"))
    functions.create("first", Publish=True)
    making = Busy(lambda number: functions.create(f"n{number}", Publish=True))
    changing = Busy(
        lambda number: functions.client.update_function_code(
            FunctionName="first", **code(f"def handler(e, c):\n    return {number}\n")
        )
    )
    until(lambda: making.done >= 3 and changing.done >= 1, "some of it is done")
    own_aws.kill()
    making.join()
    changing.join()
    own_aws.start()
    functions = Functions(client_of(own_aws)("lambda"))
    until(lambda: all(one["State"] == "Active" for one in listed(functions)), "all are mended")
    names = {one["FunctionName"] for one in listed(functions)}
    assert {"first", *(f"n{number}" for number in range(making.done))} <= names
    for name in sorted(names):
        functions.client.get_waiter("function_updated_v2").wait(FunctionName=name)
        assert functions.call(name, 1).error is None
        assert functions.call(name, 1, Qualifier="1").value == 1
    apps = {app["name"] for app in own_aws.api("GET", "/apps").json()["apps"]}
    assert apps - {"aws"} == names


def listed(functions: Functions) -> list[Any]:
    found: list[Any] = functions.client.list_functions()["Functions"]
    return found
