"""Users on the real platform: signing up by mail, functions that want a user, rules, events."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
APP = {
    "tapwater.toml": (
        '[users]\nconfirm = true\n[users.mail.confirm]\nsubject = "Welcome to {app}"\n'
    ),
    "rules.toml": '[docs."notes/{id}"]\nread = "user != null && user.id == id"\n',
    "api/restful/mine.py": (
        "from tapwater import options\noptions(auth='user')\n"
        "def get(user):\n"
        "    return {'id': user.id, 'email': user.email, 'roles': list(user.roles)}\n"
    ),
    "api/restful/admin.py": (
        "from tapwater import options\noptions(auth='role:admin')\ndef get():\n    return 1\n"
    ),
    "api/restful/invite.py": (
        "from tapwater import mail, users\n"
        "def post(email: str):\n"
        "    made = users.create(email, roles=['guest'])\n"
        "    mail.send(to=email, subject='Hello', html='<b>Hi</b><script>x</script>')\n"
        "    return {'id': made.id}\n"
    ),
    "api/reactive/noticed.py": (
        "from tapwater import on\n"
        "@on.user_created\ndef noticed(event):\n    print('noticed', event.data['email'])\n"
    ),
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("users") / "data"
    with Platform(data, settings={"TAPWATER_DEV": "1"}) as running:
        running.deploy(APP, "shop")
        yield running


def auth(platform: Platform, path: str, body: object, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return platform.http.post(f"{platform.url}/_/v1/auth/{path}", json=body, headers=headers)


def mails_to(platform: Platform, email: str) -> list[dict[str, object]]:
    listed = platform.api("GET", "/apps/shop/mail").json()["mails"]
    return [one for one in listed if email in one["recipients"]]


def signed_in(platform: Platform, email: str) -> dict[str, str]:
    assert auth(platform, "sign-up", {"email": email, "password": PASSWORD}).status_code == 202
    mail = platform.api("GET", f"/apps/shop/mail/{mails_to(platform, email)[0]['id']}").json()
    assert mail["subject"] == "Welcome to shop"
    link = re.search(r"http\S+/auth/confirm\?code=\S+", mail["text"])
    assert link is not None
    page = platform.http.get(link[0])
    assert "default-src 'none'" in page.headers["content-security-policy"]
    code = link[0].partition("code=")[2]
    form = platform.http.post(link[0].partition("?")[0], data={"code": code})
    assert (form.status_code, "confirmed" in form.text) == (200, True)
    answer = auth(platform, "sign-in", {"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def mine(platform: Platform, token: str, path: str = "/api-api/mine") -> httpx.Response:
    return platform.get(path, headers={"authorization": f"Bearer {token}"})


def test_from_signing_up_to_a_function_that_wants_a_user(platform: Platform) -> None:
    tokens = signed_in(platform, "ada@example.com")
    answer = mine(platform, tokens["access_token"])
    assert (answer.status_code, answer.json()["email"]) == (200, "ada@example.com")
    assert platform.get("/api-api/mine").status_code == 401
    assert mine(platform, platform.token).status_code == 401
    assert mine(platform, tokens["access_token"], "/api-api/admin").status_code == 403
    id = answer.json()["id"]
    platform.api("PATCH", f"/apps/shop/users/{id}", json={"roles": ["admin"]})
    assert mine(platform, tokens["access_token"]).status_code == 401  # It says something old.
    fresh = auth(platform, "refresh", {"refresh_token": tokens["refresh_token"]}).json()
    assert mine(platform, fresh["access_token"], "/api-api/admin").status_code == 200


def test_the_event_reaches_a_function(platform: Platform) -> None:
    auth(platform, "sign-up", {"email": "eva@example.com", "password": PASSWORD})
    until(
        lambda: any("noticed eva@example.com" in one["text"] for one in platform.logs(text="eva@")),
        "the function was told of the new user",
    )


def test_what_is_revoked_stays_so_after_a_new_start(platform: Platform) -> None:
    tokens = signed_in(platform, "bob@example.com")
    kept = signed_in(platform, "kim@example.com")
    assert auth(platform, "sign-out", {}, tokens["access_token"]).status_code == 204
    port = platform.port
    platform.kill()
    platform.start(port=port)
    assert mine(platform, tokens["access_token"]).status_code == 401
    assert mine(platform, kept["access_token"]).status_code == 200


def test_a_function_makes_users_and_sends_mail(platform: Platform) -> None:
    answer = platform.http.post(f"{platform.url}/api-api/invite", params={"email": "z@example.com"})
    assert answer.status_code == 200, answer.text
    user = platform.api("GET", f"/apps/shop/users/{answer.json()['id']}").json()
    assert user["roles"] == ["guest"]
    [mail] = mails_to(platform, "z@example.com")
    inbox = platform.http.get(f"{platform.url}/_/inbox/", follow_redirects=True)
    assert f"inbox/{mail['id']}" in inbox.text
    one = platform.http.get(f"{platform.url}/_/v1/mail/inbox/{mail['id']}")
    assert 'sandbox=""' in one.text
    assert "<script>" not in one.text
    framed = platform.http.get(f"{platform.url}/_/v1/mail/inbox/{mail['id']}/html")
    assert framed.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "<b>Hi</b>" in framed.text
    elsewhere = {"host": f"site.example:{platform.port}"}  # Its name leads here, for a moment.
    for path in ("", f"/{mail['id']}", f"/{mail['id']}/html"):
        page = platform.http.get(f"{platform.url}/_/v1/mail/inbox{path}", headers=elsewhere)
        assert page.status_code == 404


def test_nothing_secret_is_at_rest(platform: Platform) -> None:
    tokens = signed_in(platform, "sec@example.com")
    key = platform.api("POST", "/apps/shop/auth/keys", json={"name": "k"}).json()["key"]
    assert mine(platform, tokens["access_token"]).status_code == 200
    assert mine(platform, key, "/api-api/admin").status_code == 403
    problem = auth(platform, "refresh", {"refresh_token": tokens["refresh_token"], "x": 1})
    raw = b"".join(path.read_bytes() for path in platform.data.glob("*.db*"))
    logs = json.dumps(platform.logs()) + platform.log() + problem.text
    for secret in (PASSWORD, tokens["refresh_token"], tokens["access_token"], key):
        assert secret.encode() not in raw
        assert secret not in logs
    assert b"BEGIN PRIVATE" not in raw
    assert b'"d"' not in raw


def test_a_strange_host_does_not_get_into_a_letter(platform: Platform) -> None:
    signed_in(platform, "ann@example.com")
    url = f"{platform.url}/_/v1/auth/reset"
    for host in ("evil.example", "192.0.2.66:8080", f"localhost.evil.example:{platform.port}"):
        headers = {"host": host, "x-forwarded-host": host, "forwarded": f"host={host}"}
        body = {"email": "ann@example.com"}
        assert platform.http.post(url, json=body, headers=headers).status_code == 202
        mail = mails_to(platform, "ann@example.com")[0]
        text = platform.api("GET", f"/apps/shop/mail/{mail['id']}").json()["text"]
        assert "new password" in text
        assert host not in text
        assert "://" not in text


def test_bad_rules_are_refused_at_deploy_and_named(platform: Platform) -> None:
    bad = {**APP, "rules.toml": '[docs."notes/{id}"]\nread = "usr.id == id"\n'}
    said = platform.try_deploy(bad, "shop")
    assert "revision" not in said
    assert "docs.\\\"notes/{id}\\\".read: there is no variable 'usr'" in json.dumps(said)
    said = platform.try_deploy({**APP, "tapwater.toml": "[users]\nconfrm = true\n"}, "shop")
    assert "confrm: there is no such key" in json.dumps(said)
    said = platform.try_deploy(
        {"a.py": "from tapwater import options\noptions(auth='x')\ndef get():\n    return 1\n"},
        "other",
    )
    assert "role:" in json.dumps(said)
