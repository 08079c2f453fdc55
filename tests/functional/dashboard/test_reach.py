"""How far a session reaches: every endpoint there is, asked by somebody it is not for."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.functional.dashboard import shop
from tests.functional.dashboard.test_signing_in import HELLO, Visitor
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

_VERBS = ("get", "put", "post", "delete", "patch")
# Open to anyone by their nature: they say what the API is, and that the node lives.
_OPEN = frozenset({"/openapi.json", "/health"})


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("reach") / "data") as running:
        running.deploy(HELLO, shop.APP)
        running.deploy({**HELLO, "rules.toml": '[blobs."open/**"]\nread = "true"\n'}, "blog")
        running.api("PUT", "/apps/blog/secrets/KEY", json={"value": "s"})
        running.api("PUT", "/apps/blog/docs/notes/one", json={"text": "blog's own"})
        shop.add_keeper(running)
        yield running


@pytest.fixture(scope="module")
def keeper(platform: Platform) -> Visitor:
    """A user who has the role in the shop, signed in."""
    visitor = Visitor(platform)
    email, password = shop.KEEPER
    assert visitor.sign_in(app=shop.APP, email=email, password=password).status_code == 200
    return visitor


def endpoints(document: httpx.Response) -> list[tuple[str, str]]:
    paths = document.json()["paths"]
    return [(verb.upper(), path) for path, each in paths.items() for verb in _VERBS if verb in each]


def node_endpoints(platform: Platform) -> list[tuple[str, str]]:
    found = endpoints(platform.http.get(f"{platform.url}/_/api/v1/openapi.json"))
    assert len(found) > 40
    return [(verb, path.removeprefix("/_/api/v1")) for verb, path in found]


def service_endpoints(platform: Platform) -> list[tuple[str, str]]:
    found = endpoints(platform.visit("blog", "/_/v1/openapi.json"))
    assert len(found) > 60
    return [(verb, path.removeprefix("/_/v1")) for verb, path in found]


def filled(path: str, app: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path.replace("{app}", app))


def test_a_keeper_of_one_app_reaches_nothing_of_another(
    platform: Platform, keeper: Visitor
) -> None:
    of_apps = [(verb, path) for verb, path in node_endpoints(platform) if "{app}" in path]
    services = [(verb, f"/apps/{{app}}{path}") for verb, path in service_endpoints(platform)]
    assert of_apps
    for verb, path in (*of_apps, *services):
        answer = keeper.ask(verb, f"/_/api/v1{filled(path, 'blog')}", json={})
        assert answer.status_code in {404, 405}, f"{verb} {path}: {answer.status_code}"
    assert platform.api("GET", "/apps/blog").status_code == 200
    assert platform.api("GET", "/apps/blog/docs/notes/one").json()["data"]["text"] == "blog's own"


def test_what_is_the_admins_is_refused_and_what_is_for_all_tells_of_ones_own(
    platform: Platform, keeper: Visitor
) -> None:
    before = platform.api("GET", "/tokens").json()
    for verb, path in node_endpoints(platform):
        if "{app}" in path or path in _OPEN:
            continue
        answer = keeper.ask(verb, f"/_/api/v1{filled(path, '')}?app=blog", json={"app": "blog"})
        said = answer.text if "json" in answer.headers.get("content-type", "") else ""
        assert "blog's own" not in said
        if answer.is_success:
            assert '"blog"' not in json.dumps(answer.json() if said else {}), f"{verb} {path}"
        else:
            assert answer.status_code in {400, 403, 404, 405, 409, 422}, f"{verb} {path}"
    assert platform.api("GET", "/tokens").json() == before
    assert platform.api("GET", "/apps/blog").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_the_method_is_the_one_of_the_request_line(
    platform: Platform, keeper: Visitor, method: str
) -> None:
    path = f"/_/api/v1/apps/{shop.APP}/docs/kept/one"
    platform.api("PUT", f"/apps/{shop.APP}/docs/kept/one", json={"a": 1})
    send = {
        "x-tapwater": "dashboard",
        "x-http-method-override": "DELETE",
        "x-method-override": "DELETE",
        "x-http-method": "DELETE",
        "content-type": "application/x-www-form-urlencoded",
    }
    keeper.ask(method, f"{path}?_method=DELETE", send=send, content=b"_method=DELETE")
    assert platform.api("GET", f"/apps/{shop.APP}/docs/kept/one").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/_/data/%2e%2e/%2e%2e/etc/passwd",
        "/_/static/..%2fsite.py",
        "/_/static/%2e%2e/site.py",
        "/_/static//app.js",
        "/_//evil.example/",
        "/_/apps//evil.example",
        "/_/%5c%5cevil.example",
    ],
)
def test_odd_paths_lead_to_no_file_and_to_no_other_host(platform: Platform, path: str) -> None:
    for host in ("tapwater.localhost", "localhost"):
        answer = Visitor(platform, host=host).ask("GET", path)
        place = answer.headers.get("location", "")
        assert place == "" or place.startswith(f"http://tapwater.localhost:{platform.port}/_/")
        assert "root:" not in answer.text
        assert "class Dashboard" not in answer.text
        assert answer.status_code in {200, 302, 400, 401, 404}


def test_the_host_header_leads_nobody_elsewhere(platform: Platform) -> None:
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1].evil"):
        answer = Visitor(platform, host=host).ask("GET", "/_/apps")
        assert "evil" not in answer.headers.get("location", "")


def test_a_link_in_a_bundle_is_no_source(platform: Platform, keeper: Visitor) -> None:
    for name in ("../../admin-token", "..%2F..%2Fadmin-token", "hello/../../../admin-token"):
        answer = keeper.ask("GET", f"/_/api/v1/apps/{shop.APP}/source/{name}")
        assert answer.status_code == 404
        assert platform.token not in answer.text


def test_a_code_to_sign_in_is_in_no_log(platform: Platform) -> None:
    code = platform.api("POST", "/session-codes").json()["code"]
    assert Visitor(platform).sign_in(code=code).status_code == 200
    assert code not in platform.log()
    assert platform.token not in platform.log()


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"]
)
def test_a_blob_that_anybody_may_read_is_no_page_of_the_dashboards_host(
    platform: Platform, kind: str
) -> None:
    platform.api("PUT", "/apps/blog/blobs/open", json={})
    page = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    at = "/apps/blog/blobs/open/page"
    platform.api("PUT", at, content=page, headers={"content-type": kind})
    navigation = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    answer = Visitor(platform).ask("GET", f"/_/api/v1{at}", send=navigation)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    worker = {"sec-fetch-dest": "serviceworker", "service-worker": "script"}
    refused = Visitor(platform).ask("GET", f"/_/api/v1{at}", send=worker)
    assert refused.status_code == 403
