"""The registration story: a form, a document, a mail, a link, a confirmed user."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.functional.browser.conftest import launched
from tests.functional.examples.conftest import EXAMPLES
from tests.functional.running import Platform
from tests.functional.smtp import Receiver
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow
LINK = re.compile(r"http://\S+/users-api/confirm/\S+")


@pytest.fixture(scope="module")
def registration(
    receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("registration") / "data"
    with Platform(data, settings={"TAPWATER_SMTP_URL": receiver.url}) as running:
        running.deploy(EXAMPLES / "registration", "registration")
        yield running


def test_a_person_registers_and_confirms(
    registration: Platform, receiver: Receiver, cannot_test: CannotTest
) -> None:
    with launched() as browser:
        if browser is None:
            cannot_test("there is no Chromium on this machine")
        page = browser.new_page()
        page.goto(registration.url)
        page.get_by_label("Name").fill("Ada Lovelace")
        page.get_by_label("E-mail").fill("Ada@example.com")
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="Look into your mail").wait_for()
        mail = receiver.next_mail()
        assert mail["to"] == "ada@example.com"
        page.goto(link_of(mail.get_content()))
        page.get_by_role("heading", name="Welcome").wait_for()
        assert "Ada Lovelace, your address is confirmed." in page.content()
    users = registration.api("GET", "/apps/registration/docs/users").json()["documents"]
    assert [one["data"] for one in users] == [{"name": "Ada Lovelace", "email": "ada@example.com"}]


def test_twice_is_one_mail(registration: Platform, receiver: Receiver) -> None:
    form = {"name": "Grace", "email": "grace@example.com"}
    first = registration.http.post(f"{registration.url}/users-api/register", data=form)
    second = registration.http.post(f"{registration.url}/users-api/register", data=form)
    assert (first.status_code, second.status_code) == (202, 202)
    assert receiver.next_mail()["to"] == "grace@example.com"
    other = {"name": "Mary", "email": "mary@example.com"}
    registration.http.post(f"{registration.url}/users-api/register", data=other)
    assert receiver.next_mail()["to"] == "mary@example.com"  # Nothing came in between.


def test_a_bad_form_is_told_and_leaves_nothing(registration: Platform) -> None:
    form = {"name": " ", "email": "not an address"}
    answer = registration.http.post(f"{registration.url}/users-api/register", data=form)
    assert answer.status_code == 422
    assert {one["where"] for one in answer.json()["problems"]} == {"form.name", "form.email"}


@pytest.mark.parametrize("code", ["", "x", "ü"])
def test_a_guessed_code_confirms_nobody(registration: Platform, code: str) -> None:
    registered = registration.http.post(
        f"{registration.url}/users-api/register",
        data={"name": "Eve", "email": f"eve{len(code)}{code}@example.com"},
    )
    assert registered.status_code == 202
    rows = registration.api("GET", "/apps/registration/docs/registrations").json()["documents"]
    for row in rows:
        path = httpx.URL(registration.url).join(f"/users-api/confirm/{row['id']}")
        answer = registration.http.get(path, params={"code": code})
        assert answer.status_code == 404
    assert all("eve" not in one["data"]["email"] for one in confirmed(registration))


def confirmed(platform: Platform) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]]
    found = platform.api("GET", "/apps/registration/docs/users").json()["documents"]
    return found


def link_of(text: str) -> str:
    found = LINK.search(text)
    assert found is not None, text
    return found[0]


@pytest.mark.parametrize("id", ["unknown", "a%2Fb", "..", "%00", "x" * 2000])
def test_an_id_that_is_none_is_told_so(registration: Platform, id: str) -> None:
    answer = registration.http.get(f"{registration.url}/users-api/confirm/{id}?code=x")
    assert answer.status_code in (400, 404)
