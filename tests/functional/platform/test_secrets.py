"""What is secret stays so, and a token opens what it is for."""

import hashlib
import json
from typing import Any

import pytest

from tests.functional.running import Platform, pack

pytestmark = pytest.mark.slow

VALUE = "sk-live-4f0c2a9be7715d"
KEEPER = {
    "pay/restful/charge.py": (
        "import hashlib\nfrom tapwater import Context\n\n"
        "def get(ctx: Context):\n"
        "    key = ctx.secret('STRIPE_KEY')\n"
        "    print('charging')\n"
        "    return hashlib.sha256(key.encode()).hexdigest()\n"
    ),
    "pay/restful/barred.py": (
        "from tapwater import Context, HostRefused, options\n\noptions(secrets=['OTHER'])\n\n"
        "def get(ctx: Context):\n"
        "    try:\n        return ctx.secret('STRIPE_KEY')\n"
        "    except HostRefused as refused:\n        return f'refused: {refused}'\n"
    ),
    "pay/restful/environment.py": (
        "import os\n\ndef get():\n"
        "    return [f'{name}={value}' for name, value in os.environ.items()]\n"
    ),
    "pay/restful/fails.py": (
        "from tapwater import Context\n\n"
        "def get(ctx: Context):\n    key = ctx.secret('STRIPE_KEY')\n    raise RuntimeError('no')\n"
    ),
}


def test_a_secret_is_read_by_its_function_and_shown_to_nobody(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy(KEEPER, "pay")
    put = platform.api("PUT", "/apps/pay/secrets/STRIPE_KEY", json={"value": VALUE})
    assert put.status_code == 204
    assert platform.get("/pay-api/charge").text == hashlib.sha256(VALUE.encode()).hexdigest()
    assert platform.get("/pay-api/barred").text.startswith("refused: ")
    assert platform.get("/pay-api/fails").status_code == 500
    shown: list[Any] = [
        platform.get("/pay-api/environment").json(),
        platform.logs(limit="1000"),
        platform.records(),
        *(platform.api("GET", f"/apps/pay{path}").json() for path in ("", "/secrets")),
        *(platform.api("GET", path).json() for path in ("/top", "/doctor", "/apps")),
        platform.log(),
    ]
    assert any("charging" in line["text"] for line in shown[1])
    assert VALUE not in json.dumps(shown)
    platform.stop()
    holding = [
        file for file in platform.data.rglob("*") if file.is_file() and has(file.read_bytes())
    ]
    assert holding == []
    platform.start()
    assert platform.get("/pay-api/charge").text == hashlib.sha256(VALUE.encode()).hexdigest()


def has(content: bytes) -> bool:
    return VALUE.encode() in content


def test_a_new_value_counts_from_the_next_call_on(platform: Platform) -> None:
    platform.deploy(KEEPER, "rotating")
    for value in ("first", "second"):
        put = platform.api("PUT", "/apps/rotating/secrets/STRIPE_KEY", json={"value": value})
        assert put.status_code == 204
        digest = platform.visit("rotating", "/pay-api/charge").text
        assert digest == hashlib.sha256(value.encode()).hexdigest()
    assert platform.api("DELETE", "/apps/rotating/secrets/STRIPE_KEY").status_code == 204
    assert platform.visit("rotating", "/pay-api/charge").status_code == 500


# What a deploy token of the app "mine" may do: method, path, status.
SCENARIOS = [
    ("GET", "/apps/mine", 200),
    ("GET", "/apps/mine/revisions", 200),
    ("GET", "/apps/mine/secrets", 200),
    ("GET", "/logs?app=mine", 200),
    ("GET", "/invocations?app=mine", 200),
    ("POST", "/apps/mine/call/pay/environment", 200),
    ("GET", "/apps/theirs", 404),
    ("GET", "/apps/theirs/revisions", 404),
    ("GET", "/apps/theirs/secrets", 404),
    ("DELETE", "/apps/theirs", 404),
    ("DELETE", "/apps/theirs/secrets/STRIPE_KEY", 404),
    ("POST", "/apps/theirs/deploys", 404),
    ("POST", "/apps/theirs/rollback", 404),
    ("POST", "/apps/theirs/call/pay/charge", 404),
    ("GET", "/logs?app=theirs", 404),
    ("GET", "/invocations?app=theirs", 404),
    ("GET", "/tokens", 403),
    ("POST", "/tokens", 403),
    ("DELETE", "/tokens/mine-only", 403),
    ("GET", "/top", 403),
    ("PUT", "/settings/default-app", 403),
]


@pytest.fixture(scope="module")
def deploy_token(platform: Platform) -> str:
    for app in ("mine", "theirs"):
        platform.deploy(KEEPER, app)
    made = platform.api("POST", "/tokens", json={"name": "mine-only", "apps": ["mine"]})
    return str(made.json()["token"])


@pytest.mark.parametrize(("method", "path", "status"), SCENARIOS)
def test_a_deploy_token_opens_its_app_and_nothing_else(
    platform: Platform, deploy_token: str, method: str, path: str, status: int
) -> None:
    body = b"" if method in {"GET", "DELETE"} else b"{}"
    if path.endswith("/deploys"):
        body = pack(KEEPER)
    answer = platform.http.request(
        method,
        f"{platform.url}/_/api/v1{path}",
        headers={"authorization": f"Bearer {deploy_token}"},
        content=body,
    )
    assert answer.status_code == status, answer.text


def test_a_deploy_token_deploys_until_it_is_taken_away(
    platform: Platform, deploy_token: str
) -> None:
    made = platform.api("POST", "/tokens", json={"name": "short", "apps": ["mine"]}).json()
    url = f"{platform.url}/_/api/v1/apps/mine/deploys"
    headers = {"authorization": f"Bearer {made['token']}"}
    said = platform.http.post(url, headers=headers, content=pack(KEEPER)).text
    assert "revision" in json.loads(said.splitlines()[-1])
    assert platform.api("DELETE", "/tokens/short").status_code == 204
    assert platform.http.post(url, headers=headers, content=pack(KEEPER)).status_code == 401
