"""The dashboard's pages of a function that AWS's tools made, and of its account's home."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

SETTINGS = {"TAPWATER_AWS_ACCESS_KEY": "AKIAFIXEDKEYOFTESTS1", "TAPWATER_AWS_SECRET_KEY": "secret"}
CODE = "def run(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def lambdas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("lambda") / "data", settings=SETTINGS) as running:
        make_function(running.url)
        yield running


def make_function(url: str) -> None:
    import boto3

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("app.py", CODE)
    keys = {
        "aws_access_key_id": SETTINGS["TAPWATER_AWS_ACCESS_KEY"],
        "aws_secret_access_key": SETTINGS["TAPWATER_AWS_SECRET_KEY"],
    }
    client = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_function(
        FunctionName="Resize",
        Runtime="python3.11",
        Handler="app.run",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="Resize")


@pytest.fixture
def desk(browser: Browser | None, lambdas: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, lambdas) as desk:
        yield desk


def test_the_list_tells_functions_of_aws_and_their_home(desk: Desk) -> None:
    desk.open("apps", "Apps")
    expect(desk.row("resize")).to_contain_text("Lambda")
    expect(desk.row("the home of an AWS account")).to_be_visible()


def test_its_page_says_what_it_is(desk: Desk) -> None:
    desk.open("apps/resize/functions/handler?tab=settings", "Resize")
    for said in ("python3.11", "app.run", "arn:aws:lambda:us-east-1:000000000000:function:Resize"):
        expect(desk.page.get_by_role("definition").filter(has_text=said).first).to_be_visible()
    desk.page.get_by_role("link", name="queues", exact=True).click()
    expect(desk.page.get_by_role("heading", level=1, name="Queues and topics")).to_be_visible()


def test_its_source_is_there_and_its_versions_are_lambdas(desk: Desk) -> None:
    desk.open("apps/resize/functions/handler?tab=source", "Resize")
    expect(desk.page.get_by_text("return event")).to_be_visible()
    desk.open("apps/resize?tab=deploys", "resize")
    expect(desk.page.get_by_text("Versions and aliases of Resize are Lambda's")).to_be_visible()
    expect(desk.page.get_by_role("link", name="Preview")).to_have_count(0)
