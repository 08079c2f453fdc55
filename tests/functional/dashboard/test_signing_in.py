"""Signing in to the dashboard over HTTP: who may, where, and what a stolen cookie is worth."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tapwater_server.dashboard.attempts import BURST
from tests.functional.dashboard import shop
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

OURS = {"x-tapwater": "dashboard", "sec-fetch-site": "same-origin"}
HELLO = {"restful/hello.py": "def get():\n    return 'hello'\n"}


class Visitor:
    """A browser, as far as signing in goes."""

    def __init__(self, platform: Platform, *, host: str = "tapwater.localhost") -> None:
        self._platform, self.host, self.cookie = platform, host, ""

    def ask(
        self, method: str, path: str, *, send: Mapping[str, str] = OURS, **options: object
    ) -> httpx.Response:
        headers = {"host": f"{self.host}:{self._platform.port}", **send}
        if self.cookie:
            headers["cookie"] = self.cookie
        answer = self._platform.http.request(
            method,
            self._platform.url + path,
            headers=headers,
            **options,  # type: ignore[arg-type]
        )
        self._platform.http.cookies.clear()
        return answer

    def sign_in(self, **body: str) -> httpx.Response:
        answer = self.ask("POST", "/_/session", json=body)
        if answer.status_code == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def signed_in(self) -> bool:
        return bool(self.ask("GET", "/_/session").json()["signed_in"])

    def apps(self) -> int:
        return self.ask("GET", "/_/api/v1/apps").status_code


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("door") / "data") as running:
        running.deploy(HELLO, shop.APP)
        running.deploy(HELLO, "blog")
        running.api("PUT", "/settings/default-app", json={"app": shop.APP})
        yield running


def test_a_token_opens_a_session_whose_cookie_no_script_reads(platform: Platform) -> None:
    visitor = Visitor(platform)
    answer = visitor.sign_in(token=platform.token)
    assert answer.json() == {"signed_in": True, "name": "admin", "admin": True}
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=Strict" in said
    assert platform.token not in said
    assert visitor.apps() == 200


@pytest.mark.parametrize(
    "send",
    [
        {},
        {"x-tapwater": "dashboard", "sec-fetch-site": "cross-site"},
        {"x-tapwater": "dashboard", "sec-fetch-site": "same-site"},
        {"x-tapwater": "dashboard", "origin": "http://shop.localhost:1"},
    ],
    ids=["no header", "another site", "another host", "another origin"],
)
def test_the_cookie_alone_opens_nothing(platform: Platform, send: Mapping[str, str]) -> None:
    visitor = Visitor(platform)
    visitor.sign_in(token=platform.token)
    assert visitor.ask("GET", "/_/api/v1/apps", send=send).status_code == 401
    path = "/_/api/v1/apps/shop/docs/a/b"
    assert visitor.ask("PUT", path, send=send, json={}).status_code == 403  # Nobody: the rules.
    assert visitor.ask("DELETE", "/_/session", send=send).status_code == 403
    body = {"token": platform.token}
    assert visitor.ask("POST", "/_/session", send=send, json=body).status_code == 403
    assert visitor.signed_in()


def test_the_dashboards_page_is_never_taken_for_nobody(platform: Platform) -> None:
    """What is open to nobody too (by an app's rules) would look as if it were all there is."""
    visitor = Visitor(platform)
    path = "/_/api/v1/apps/shop/docs/a/b"
    assert visitor.ask("GET", path).status_code == 401
    visitor.cookie = f"tapwater-{platform.port}=ended"
    assert visitor.ask("PUT", path, json={}).status_code == 401
    assert visitor.ask("PUT", path, send={}, json={}).status_code == 403


def test_no_answer_to_who_is_signed_in_is_kept(platform: Platform) -> None:
    visitor = Visitor(platform)
    visitor.sign_in(token=platform.token)
    for path in ("/apps", "/apps/shop/docs/a/b", "/apps/shop/blobs", "/nowhere", "/tokens"):
        headers = visitor.ask("GET", f"/_/api/v1{path}").headers
        assert headers["cache-control"] == "no-store", path
        assert headers["x-content-type-options"] == "nosniff", path


def test_a_page_of_another_site_gets_no_leave_to_send_the_header(platform: Platform) -> None:
    preflight = {
        "origin": "http://shop.localhost",
        "access-control-request-method": "GET",
        "access-control-request-headers": "x-tapwater",
    }
    answer = Visitor(platform).ask("OPTIONS", "/_/api/v1/apps", send=preflight)
    assert "access-control-allow-origin" not in answer.headers


def test_where_an_app_answers_nobody_signs_in(platform: Platform) -> None:
    admin = Visitor(platform)
    admin.sign_in(token=platform.token)
    bare = Visitor(platform, host="127.0.0.1")
    bare.cookie = admin.cookie  # A cookie from before the app was the default here.
    assert bare.apps() == 401
    assert bare.sign_in(token=platform.token).status_code == 403
    moved = bare.ask("GET", "/_/apps/shop?tab=traffic")
    place = f"http://tapwater.localhost:{platform.port}/_/apps/shop?tab=traffic"
    assert (moved.status_code, moved.headers["location"]) == (302, place)
    address = Visitor(platform, host="192.0.2.7")  # No other name is known for it.
    told = address.ask("GET", "/_/session").json()
    assert "shop" in told["refused"]
    assert address.ask("GET", "/_/").status_code == 200
    assert address.sign_in(token=platform.token).status_code == 403


def test_no_app_answers_on_the_dashboards_host(platform: Platform) -> None:
    visitor = Visitor(platform)
    assert visitor.ask("GET", "/hello").status_code == 404
    assert visitor.ask("GET", "/").headers["location"] == "/_/"
    refused = platform.api("POST", "/apps/tapwater/deploys", content=b"")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    other = Visitor(platform, host="shop.localhost")
    assert other.ask("GET", "/_/").status_code == 404


def test_a_deploy_token_sees_its_apps_and_the_session_ends_with_it(platform: Platform) -> None:
    body = {"name": "ci", "apps": [shop.APP]}
    token = platform.api("POST", "/tokens", json=body).json()["token"]
    visitor = Visitor(platform)
    assert visitor.sign_in(token=token).json()["apps"] == [shop.APP]
    assert visitor.ask("GET", "/_/api/v1/apps/blog").status_code == 404
    assert visitor.ask("GET", "/_/api/v1/tokens").status_code == 403
    platform.api("DELETE", "/tokens/ci")
    assert visitor.apps() == 401
    assert not visitor.signed_in()


def test_a_user_with_the_role_keeps_the_app(platform: Platform) -> None:
    shop.add_keeper(platform)
    email, password = shop.KEEPER
    visitor = Visitor(platform)
    assert visitor.sign_in(app=shop.APP, email=email, password="wrong").status_code == 401
    assert visitor.sign_in(app="nowhere", email=email, password=password).status_code == 404
    assert visitor.sign_in(app=shop.APP, email=email, password=password).json() == {
        "signed_in": True,
        "name": email,
        "apps": [shop.APP],
    }
    assert visitor.ask("GET", "/_/api/v1/apps/shop/users").status_code == 200
    assert visitor.ask("GET", "/_/api/v1/apps/blog").status_code == 404
    platform.api("PATCH", f"/apps/{shop.APP}/users/{email}", json={"roles": []})
    assert visitor.ask("GET", "/_/api/v1/apps/shop/users").status_code == 401
    refused = Visitor(platform).sign_in(app=shop.APP, email=email, password=password)
    assert refused.status_code == 403


def test_a_new_password_ends_the_sessions_of_the_old_one(platform: Platform) -> None:
    email, password = "grace@shop.example", "the first password"
    user = {"email": email, "password": password, "roles": [shop.ROLE]}
    platform.api("POST", f"/apps/{shop.APP}/users", json=user)
    visitor = Visitor(platform)
    assert visitor.sign_in(app=shop.APP, email=email, password=password).status_code == 200
    changed = {"password": "another password"}
    answer = platform.api("PATCH", f"/apps/{shop.APP}/users/{email}", json=changed)
    assert answer.status_code == 200
    assert not visitor.signed_in()


def test_one_holder_signs_out_everywhere(platform: Platform) -> None:
    here, there, other = Visitor(platform), Visitor(platform), Visitor(platform)
    token = platform.api("POST", "/tokens", json={"name": "other", "apps": ["blog"]}).json()
    for visitor in (here, there):
        visitor.sign_in(token=platform.token)
    other.sign_in(token=token["token"])
    assert here.ask("DELETE", "/_/session?everywhere=true", send={}).status_code == 403
    assert here.ask("DELETE", "/_/session?everywhere=true").status_code == 204
    assert not here.signed_in()
    assert not there.signed_in()
    assert other.signed_in()


def test_a_code_signs_in_once(platform: Platform) -> None:
    code = platform.api("POST", "/session-codes").json()["code"]
    visitor = Visitor(platform)
    assert visitor.sign_in(code=code).json()["admin"]
    assert Visitor(platform).sign_in(code=code).status_code == 401
    assert visitor.ask("POST", "/_/api/v1/session-codes").status_code == 403
    assert platform.http.post(f"{platform.url}/_/api/v1/session-codes").status_code == 401


def test_who_signs_out_is_out_also_with_the_old_cookie(platform: Platform) -> None:
    visitor = Visitor(platform)
    visitor.sign_in(token=platform.token)
    answer = visitor.ask("DELETE", "/_/session")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert visitor.apps() == 401


def test_what_cannot_be_meant_is_refused(platform: Platform) -> None:
    visitor = Visitor(platform)
    assert visitor.sign_in().status_code == 400
    assert visitor.sign_in(token="x" * 20_000).status_code == 413
    assert visitor.sign_in(app="shop", email="a@b.example").status_code == 400
    assert visitor.ask("PUT", "/_/session").status_code == 405
    assert visitor.ask("POST", "/_/session", content=b"[").status_code == 400


def test_the_source_of_a_function_is_for_its_holders(platform: Platform) -> None:
    found = platform.api("GET", f"/apps/{shop.APP}/source/hello").json()
    assert (found["file"], found["text"], found["cut"]) == (
        "restful/hello.py",
        HELLO["restful/hello.py"],
        False,
    )
    assert platform.api("GET", f"/apps/{shop.APP}/source/none").status_code == 404
    assert platform.api("GET", f"/apps/{shop.APP}/source/hello?revision=99").status_code == 404
    url = f"{platform.url}/_/api/v1/apps/{shop.APP}/source/hello"
    assert platform.http.get(url).status_code == 401


def test_sessions_outlive_the_node_and_guessing_is_slow(tmp_path: Path) -> None:
    with Platform(tmp_path / "data") as running:
        visitor = Visitor(running)
        visitor.sign_in(token=running.token)
        port = running.port
        running.kill()
        running.start(port=port)
        assert visitor.apps() == 200
        wrong = [Visitor(running).sign_in(token="tap_wrong") for _ in range(BURST + 1)]
        assert [answer.status_code for answer in wrong] == [401] * BURST + [429]
        assert int(wrong[-1].headers["retry-after"]) > 0
        assert visitor.apps() == 200


def test_guessing_a_password_is_slow_for_a_client_and_for_the_account(tmp_path: Path) -> None:
    """Behind a proxy of ours each client counts by itself, and the account counts for them all."""
    settings = {"TAPWATER_TRUSTED_PROXIES": "127.0.0.1"}
    with Platform(tmp_path / "data", settings=settings) as running:
        running.deploy(HELLO, shop.APP)
        shop.add_keeper(running)

        def guess(client: str) -> int:
            send = {**OURS, "x-forwarded-for": client}
            body = {"app": shop.APP, "email": shop.KEEPER[0], "password": "a guess"}
            return Visitor(running).ask("POST", "/_/session", send=send, json=body).status_code

        assert [guess("198.51.100.1") for _ in range(BURST + 1)][-1] == 429
        assert guess("198.51.100.2") == 401
        many = [guess(f"203.0.113.{number}") for number in range(120)]
        assert many[0] == 401
        assert many[-1] == 429
        token = Visitor(running)
        assert token.sign_in(token=running.token).status_code == 200  # Another door is open still.


def test_behind_a_proxy_that_names_the_host_apart(tmp_path: Path) -> None:
    settings = {"TAPWATER_TRUSTED_PROXIES": "127.0.0.1", "TAPWATER_DASHBOARD_HOST": "tap.example"}
    with Platform(tmp_path / "data", settings=settings) as running:
        running.deploy(HELLO, shop.APP)
        proxied = {
            **OURS,
            "origin": "https://tap.example",
            "x-forwarded-proto": "https",
            "x-forwarded-host": "tap.example",
        }
        visitor = Visitor(running, host="127.0.0.1")
        body = {"token": running.token}
        evil = {**proxied, "origin": "https://evil.example"}
        assert visitor.ask("POST", "/_/session", send=evil, json=body).status_code == 403
        answer = visitor.ask("POST", "/_/session", send=proxied, json=body)
        assert answer.status_code == 200
        assert answer.headers["set-cookie"].startswith("__Host-tapwater=")
        visitor.cookie = answer.headers["set-cookie"].partition(";")[0]
        assert visitor.ask("GET", "/_/api/v1/apps", send=proxied).status_code == 200
        assert visitor.ask("GET", "/_/", send=proxied).status_code == 200


def test_shared_is_accepted_and_said(tmp_path: Path) -> None:
    settings = {"TAPWATER_DASHBOARD_SHARED": "true", "TAPWATER_DASHBOARD_HOST": "tap.example"}
    with Platform(tmp_path / "data", settings=settings) as running:
        running.deploy(HELLO, "shop")
        running.api("PUT", "/settings/default-app", json={"app": "shop"})
        bare = Visitor(running, host="192.0.2.7")
        told = bare.sign_in(token=running.token).json()
        assert (told["shared"], told["shared_with"]) == (True, "shop")
        assert bare.apps() == 200
        seen = running.http.get(
            f"{running.url}/hello", headers={"host": "192.0.2.7", "cookie": bare.cookie}
        )
        assert seen.status_code == 200
        own = Visitor(running, host="tap.example")
        assert own.ask("GET", "/hello").status_code == 404
        assert own.sign_in(token=running.token).json().get("shared", False) is False
        until(lambda: own.apps() == 200, "the dashboard's own host has its own session")
