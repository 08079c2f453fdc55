"""Signing in by a real OpenID provider: the whole way, and each of its traps."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.functional.running import Platform
from tests.functional.users.provider import CLIENT, SECRET, Person, Provider, provider_running

pytestmark = pytest.mark.slow
PAGE = "http://localhost:3000/signed-in"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with provider_running() as running:
        yield running


@pytest.fixture(scope="module")
def platform(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("oidc") / "data"
    with Platform(data, settings={"TAPWATER_REACH_PRIVATE": "1"}) as running:
        settings = f"""
[users]
redirects = ["{PAGE}"]
[users.oidc.local]
issuer = "{provider.url}"
client_id = "{CLIENT}"
client_secret = "LOCAL_SECRET"
"""
        secret = {"value": SECRET}
        running.api("PUT", "/apps/shop/secrets/LOCAL_SECRET", json=secret)
        app = {"hello.py": "def get():\n    return 1\n", "tapwater.toml": settings}
        running.deploy(app, "shop")
        provider.redirects.append(f"{running.url}/_/api/v1/apps/shop/auth/oidc/local/callback")
        yield running


@pytest.fixture
def browser(platform: Platform, provider: Provider) -> Iterator[httpx.Client]:
    provider.person, provider.signing = Person(), None
    with httpx.Client(base_url=f"{platform.url}/_/api/v1/apps/shop/auth/oidc/") as client:
        yield client


def at_the_issuer(browser: httpx.Client) -> httpx.Response:
    """Set out, sign in there, and stand before the way back."""
    out = browser.get("local/start", params={"redirect": PAGE})
    assert out.status_code == 302, out.text
    there = httpx.get(out.headers["location"])
    assert there.status_code == 302, there.text
    return there


def back(browser: httpx.Client) -> httpx.Response:
    return browser.get(at_the_issuer(browser).headers["location"])


def signed_in(browser: httpx.Client) -> dict[str, object]:
    came = back(browser)
    assert came.status_code == 302, came.text
    assert came.headers["location"].startswith(f"{PAGE}?code=")
    [code] = parse_qs(urlsplit(came.headers["location"]).query)["code"]
    answer = browser.post("exchange", json={"code": code})
    assert answer.status_code == 200, answer.text
    again = browser.post("exchange", json={"code": code})
    assert again.status_code == 400
    user: dict[str, object] = answer.json()["user"]
    return user


def test_the_whole_way_twice_is_one_user(browser: httpx.Client) -> None:
    assert httpx.get(str(browser.base_url).rstrip("/")).json() == {"issuers": ["local"]}
    first = signed_in(browser)
    assert (first["email"], first["email_verified"]) == ("ada@example.com", True)
    assert signed_in(browser)["id"] == first["id"]


def test_an_address_the_issuer_does_not_vouch_for_is_nobodys(
    browser: httpx.Client, provider: Provider
) -> None:
    provider.person = Person(subject="43", email_verified=False)
    user = signed_in(browser)
    assert (user["email"], user["email_verified"]) == ("", False)


def test_an_account_nobody_confirmed_loses_its_password(
    browser: httpx.Client, platform: Platform, provider: Provider
) -> None:
    account = {"email": "bob@example.com", "password": "the attacker's own"}
    auth = f"{platform.url}/_/api/v1/apps/shop/auth"
    made = httpx.post(f"{auth}/sign-up", json=account).json()
    theirs = {"authorization": f"Bearer {made['access_token']}"}
    key = httpx.post(f"{auth}/me/keys", json={"name": "k"}, headers=theirs).json()["key"]
    provider.person = Person(subject="44", email="bob@example.com")
    user = signed_in(browser)
    assert user["id"] == made["user"]["id"]
    assert httpx.post(f"{auth}/sign-in", json=account).status_code == 401
    # Whoever was here first has nothing left that lets them in.
    old = {"refresh_token": made["refresh_token"]}
    assert httpx.post(f"{auth}/refresh", json=old).status_code == 401
    for token in (made["access_token"], key):
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{auth}/me", headers=headers).status_code == 401


def page_of(answer: httpx.Response) -> str:
    """What a person sees: a page that runs nothing."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "That did not work" in answer.text
    return answer.text


def test_only_pages_of_the_app(browser: httpx.Client) -> None:
    for page in ("https://evil.example/", PAGE + "/../x", ""):
        assert browser.get("local/start", params={"redirect": page}).status_code == 400
    assert browser.get("other/start", params={"redirect": PAGE}).status_code == 404


def test_the_way_back_is_of_the_browser_that_set_out(
    browser: httpx.Client, platform: Platform
) -> None:
    there = at_the_issuer(browser)
    with httpx.Client() as another:
        assert another.get(there.headers["location"]).status_code == 400
    # And it was used up by that.
    assert browser.get(there.headers["location"]).status_code == 400


def test_the_way_back_is_gone_once(browser: httpx.Client) -> None:
    there = at_the_issuer(browser)
    assert browser.get(there.headers["location"]).status_code == 302
    assert browser.get(there.headers["location"]).status_code == 400


def test_a_word_signed_by_another_is_not_the_issuers(
    browser: httpx.Client, provider: Provider
) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "one"})
    answer = back(browser)
    assert answer.status_code == 401
    assert "not signed by it" in page_of(answer)


def test_the_issuers_own_no_is_told(browser: httpx.Client) -> None:
    answer = browser.get("local/callback", params={"error": "access_denied", "state": "x"})
    assert answer.status_code == 400
    assert "access_denied" in page_of(answer)
    evil = {"error": "<script>alert(1)</script>", "state": "x"}
    assert "<script>" not in page_of(browser.get("local/callback", params=evil))


def test_a_wrong_secret_is_a_bad_gateway(browser: httpx.Client, platform: Platform) -> None:
    secret = "/apps/shop/secrets/LOCAL_SECRET"
    platform.api("PUT", secret, json={"value": "wrong"})
    answer = back(browser)
    platform.api("PUT", secret, json={"value": SECRET})
    assert answer.status_code == 502
    assert SECRET not in page_of(answer)
