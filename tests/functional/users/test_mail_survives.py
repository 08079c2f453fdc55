"""Mail and kill -9: what was accepted is delivered once the server for mail is back."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.smtp import Receiver
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
APP = {
    "tapwater.toml": "[users]\nconfirm = true\n",
    "api/restful/x.py": "def get():\n    return 1\n",
}


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago: nobody listens there until the test says so."""
    with Receiver() as receiver:
        return receiver.port


@pytest.fixture
def platform(port: int, tmp_path: Path) -> Iterator[Platform]:
    settings = {"TAPWATER_SMTP_URL": f"smtp+plain://127.0.0.1:{port}"}
    with Platform(tmp_path / "data", settings=settings) as running:
        running.deploy(APP, "shop")
        yield running


def sign_up(platform: Platform, n: int) -> str | None:
    """Sign up; the address, if it was acknowledged. The platform may be gone in the middle."""
    email = f"user{n}@example.com"
    body = {"email": email, "password": PASSWORD}
    try:
        answer = httpx.post(f"{platform.url}/_/v1/auth/sign-up", json=body, timeout=30)
    except httpx.TransportError:
        return None
    return email if answer.status_code == 202 else None


def send(platform: Platform, n: int) -> str | None:
    """Send a mail; its address, if it was accepted."""
    email = f"mail{n}@example.com"
    try:
        answer = platform.api(
            "POST", "/apps/shop/mail", json={"to": email, "subject": "Hello", "text": str(n)}
        )
    except httpx.TransportError:
        return None
    return email if answer.status_code == 202 else None


def test_what_was_accepted_arrives_after_kill_9(platform: Platform, port: int) -> None:
    mails = {send(platform, n) for n in range(5)}
    with ThreadPoolExecutor(4) as clients:
        signing_up = [clients.submit(sign_up, platform, n) for n in range(24)]
        until(lambda: sum(one.done() for one in signing_up) >= 8, "some have signed up")
        platform.kill()  # While others are at any step of it.
    accepted = {one for one in (*mails, *(each.result() for each in signing_up)) if one}
    assert len(accepted) >= 12
    platform.start()
    there = platform.api("GET", "/apps/shop/users").json()["users"]
    with Receiver(port=port) as receiver:
        for one in platform.api("GET", "/apps/shop/mail", params={"limit": 500}).json()["mails"]:
            assert one["stage"] == "waiting"
        # Whoever is a user has their letter, acknowledged or not: they were written in one.
        wanted = accepted | {user["email"] for user in there}
        platform.kill()  # And once more, with letters that have been tried in vain.
        platform.start()
        arrived = set[str]()
        while not wanted <= arrived:
            mail = receiver.next_mail()
            arrived.add(mail["to"])
    assert arrived == wanted
    assert len(there) == len(wanted) - len(mails)


def test_a_code_from_before_confirms_after(platform: Platform, port: int) -> None:
    assert sign_up(platform, 1)
    platform.kill()
    with Receiver(port=port) as receiver:
        platform.start()
        code = re.search(r"code=(\S+)", receiver.next_mail().get_content())
    assert code is not None
    answer = httpx.post(f"{platform.url}/_/v1/auth/confirm", json={"code": code[1]})
    assert answer.status_code == 200, answer.text
