"""Users under attack: forged tokens, taken accounts, poisoned links, addresses that are guessed."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter
from tapwater_server.services.auth.access import ACCESS_S
from tapwater_server.services.auth.desk import KEYS_OF_USER_MAX
from tapwater_server.services.auth.entrance import GRACE_S
from tapwater_server.services.auth.identities import USED_S
from tests.unit.services.auth.opened import APP, PASSWORD, SHOP, Opened

ADA = {"email": "ada@example.com", "password": PASSWORD}
OTHER = AppId("other")


@pytest.fixture
async def auth() -> AsyncIterator[Opened]:
    opened = Opened()
    yield opened
    opened.passwords.close()


@pytest.fixture
async def confirming() -> AsyncIterator[Opened]:
    opened = Opened(AccountSettings(confirm=True))
    yield opened
    opened.passwords.close()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a token without checking it."""
    head, body, _ = token.split(".")
    return _part(head), _part(body)


def _part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def _text(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    return f"{_text({**head, 'alg': 'none'})}.{_text(body)}."


def _none_with_signature(
    opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str
) -> str:
    return f"{_text({**head, 'alg': 'None'})}.{_text(body)}.{signed}"


def _by_public_key(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    """Signed by what everybody knows; by hand, for no library helps with it."""
    said = f"{_text({**head, 'alg': 'HS256'})}.{_text(body)}"
    key = opened.keys.known(SHOP)[0].key.as_pem(private=False)
    made = hmac.digest(key, said.encode(), hashlib.sha256)
    return f"{said}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def _own_key(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    mine = ECKey.generate_key("P-256")
    return jwt.encode({**head, "jwk": mine.as_dict(private=False)}, body, mine)


def _kid(kid: object) -> Callable[[Opened, dict[str, Any], dict[str, Any], str], str]:
    def forge(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
        return f"{_text({**head, 'kid': kid})}.{_text(body)}.{signed}"

    return forge


def _more_rights(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    return f"{_text(head)}.{_text({**body, 'roles': ['admin']})}.{signed}"


def _other_type(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    return jwt.encode({**head, "typ": "JWT"}, body, opened.keys.known(SHOP)[0].key)


def _other_audience(opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str) -> str:
    return jwt.encode(head, {**body, "aud": OTHER}, opened.keys.known(SHOP)[0].key)


def _list_of_audiences(
    opened: Opened, head: dict[str, Any], body: dict[str, Any], signed: str
) -> str:
    return jwt.encode(head, {**body, "aud": [SHOP, OTHER]}, opened.keys.known(SHOP)[0].key)


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _none_with_signature,
        _by_public_key,
        _own_key,
        _more_rights,
        _other_type,
        _other_audience,
        _list_of_audiences,
        _kid("../../../../dev/null"),
        _kid("' OR 1=1 --"),
        _kid(None),
        _kid({"a": 1}),
    ],
)
async def test_a_forged_token_is_nobodys(
    auth: Opened, forge: Callable[[Opened, dict[str, Any], dict[str, Any], str], str]
) -> None:
    token = (await auth.signed_in())["access_token"]
    head, body = parts(token)
    assert auth.identities.check(SHOP, token) is not None
    assert auth.identities.check(SHOP, forge(auth, head, body, token.rpartition(".")[2])) is None


async def test_another_apps_token_is_nobodys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(OTHER, token) is None
    key = (await auth.ask("POST", "/auth/keys", {"name": "k"}, who=APP))[1]["key"]
    assert auth.identities.check(SHOP, key) is not None
    assert auth.identities.check(OTHER, key) is None


async def test_tokens_of_an_app_go_with_it(auth: Opened) -> None:
    """The name is free again, and somebody else's app has it next."""
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(SHOP, token) is not None
    await auth.users.erase(SHOP)
    await auth.keys.erase(SHOP)
    auth.house.access.forget(SHOP)
    assert auth.identities.check(SHOP, token) is None


async def test_two_tabs_refresh_at_once(auth: Opened) -> None:
    first = await auth.signed_in()
    body = {"refresh_token": first["refresh_token"]}
    one = (await auth.ask("POST", "/auth/refresh", body))[1]
    two = (await auth.ask("POST", "/auth/refresh", body))[1]
    assert one["refresh_token"] == two["refresh_token"]
    for tokens in (one, two):
        assert (await auth.ask("GET", "/auth/me", token=tokens["access_token"]))[0] == 200
    await auth.clock.advance(GRACE_S + 1)
    later = {"refresh_token": two["refresh_token"]}
    assert (await auth.ask("POST", "/auth/refresh", later))[0] == 200


async def test_a_thief_within_the_grace_is_found_out_at_the_next_refresh(auth: Opened) -> None:
    body = {"refresh_token": (await auth.signed_in())["refresh_token"]}
    owner = (await auth.ask("POST", "/auth/refresh", body))[1]
    thief = (await auth.ask("POST", "/auth/refresh", body))[1]
    mine = (await auth.ask("POST", "/auth/refresh", {"refresh_token": owner["refresh_token"]}))[1]
    await auth.clock.advance(GRACE_S + 1)
    theirs = {"refresh_token": thief["refresh_token"]}
    assert (await auth.ask("POST", "/auth/refresh", theirs))[0] == 401
    assert (await auth.ask("GET", "/auth/me", token=mine["access_token"]))[0] == 401
    again = {"refresh_token": mine["refresh_token"]}
    assert (await auth.ask("POST", "/auth/refresh", again))[0] == 401


async def test_whoever_takes_an_account_over_by_mail_shares_it_with_nobody(auth: Opened) -> None:
    """Somebody signed up with another's address; its owner says that they forgot the password."""
    theirs = (await auth.ask("POST", "/auth/sign-up", {**ADA, "password": "the attacker's"}))[1]
    token = theirs["access_token"]
    key = (await auth.ask("POST", "/auth/me/keys", {"name": "k"}, token=token))[1]["key"]
    move = {"email": "evil@example.com", "password": "the attacker's"}
    assert (await auth.ask("POST", "/auth/me/email", move, token=token))[0] == 202
    pending = await auth.bag.code()
    await auth.ask("POST", "/auth/reset", {"email": ADA["email"]})
    new = {"code": await auth.bag.code(), "password": PASSWORD}
    assert (await auth.ask("POST", "/auth/reset/confirm", new))[0] == 204
    old = {"refresh_token": theirs["refresh_token"]}
    assert (await auth.ask("POST", "/auth/refresh", old))[0] == 401
    assert auth.identities.check(SHOP, token) is None
    assert auth.identities.check(SHOP, key) is None
    assert (await auth.ask("POST", "/auth/change-email", {"code": pending}))[0] == 400
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[1]["user"]["email"] == ADA["email"]


async def test_the_old_address_gets_nobody_in(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    await auth.ask("POST", "/auth/reset", {"email": ADA["email"]})
    reset = {"code": await auth.bag.code(), "password": "something else entirely"}
    move = {"email": "new@example.com", "password": PASSWORD}
    await auth.ask("POST", "/auth/me/email", move, token=token)
    await auth.ask("POST", "/auth/change-email", {"code": await auth.bag.code()})
    assert (await auth.ask("POST", "/auth/reset/confirm", reset))[0] == 400
    moved = {**ADA, "email": "new@example.com"}
    assert (await auth.ask("POST", "/auth/sign-in", moved))[0] == 200


async def test_a_password_that_changes_while_it_is_compared(auth: Opened) -> None:
    """The old password fitted; by the time the session opens it is not the password any more."""
    user = await auth.users.find(SHOP, (await auth.signed_in())["user"]["id"])
    assert user is not None
    change = {"password": "something else entirely"}
    assert (await auth.ask("PATCH", f"/users/{user.id}", change, who=APP))[0] == 200
    with pytest.raises(Exception, match="changed at this moment"):
        await auth.entrance.open(user, auth.place)
    assert await auth.users.sessions(SHOP, user.id) == []


async def test_who_asks_does_not_choose_where_a_link_leads(auth: Opened) -> None:
    await auth.signed_in()
    evil = "https://evil.example"
    status, _ = await auth.ask("POST", "/auth/reset", {"email": ADA["email"]}, base_url=evil)
    text = await auth.bag.text()
    assert (status, "evil.example" in text, "://" in text) == (202, False, False)
    code = text.partition("asked for one:")[2].split()[0]
    new = {"code": code, "password": "something else entirely"}
    assert (await auth.ask("POST", "/auth/reset/confirm", new))[0] == 204


async def test_a_letter_that_cannot_be_written_tells_nobody(
    auth: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app's own server for mail has a wrong address: for strangers, too."""
    await auth.signed_in()

    def write(app: AppId, draft: Draft) -> Letter:
        raise Invalid("the address of the mail server cannot be read")

    monkeypatch.setattr(type(auth.bag), "write", lambda self, app, draft: write(app, draft))
    known = await auth.ask("POST", "/auth/reset", {"email": ADA["email"]})
    stranger = await auth.ask("POST", "/auth/reset", {"email": "stranger@example.com"})
    assert known == stranger
    assert (await auth.ask("POST", "/auth/sign-up", {**ADA, "email": "b@example.com"}))[0] == 400
    assert await auth.users.find_by_email(SHOP, "b@example.com") is None


@pytest.mark.parametrize(
    "body",
    [
        {"profile": {}, "roles": ["admin"]},
        {"roles": ["admin"]},
        {"profile": {}, "claims": {"plan": "pro"}},
        {"profile": {}, "email_verified": True},
        {"profile": {}, "disabled": False},
    ],
)
async def test_nobody_gives_themselves_rights(auth: Opened, body: dict[str, Any]) -> None:
    tokens = await auth.signed_in()
    token, id = tokens["access_token"], tokens["user"]["id"]
    assert (await auth.ask("PATCH", "/auth/me", body, token=token))[0] == 400
    for method, path in (
        ("PATCH", f"/users/{id}"),
        ("GET", f"/users/{id}"),
        ("GET", "/users"),
        ("POST", "/users/import"),
        ("GET", "/auth/keys"),
        ("POST", "/auth/keys"),
    ):
        assert (await auth.ask(method, path, body, token=token))[0] == 403, path
    role = {"name": "k", "roles": ["admin"]}
    assert (await auth.ask("POST", "/auth/me/keys", role, token=token))[0] == 400


async def test_what_is_anothers_is_not_there(auth: Opened) -> None:
    ada, bob = await auth.signed_in(), await auth.signed_in("bob@example.com")
    token = bob["access_token"]
    key = (await auth.ask("POST", "/auth/me/keys", {"name": "k"}, token=ada["access_token"]))[1]
    [session] = await auth.users.sessions(SHOP, ada["user"]["id"])
    assert (await auth.ask("DELETE", f"/auth/me/keys/{key['id']}", token=token))[0] == 404
    assert (await auth.ask("DELETE", f"/auth/me/sessions/{session.id}", token=token))[0] == 404
    assert auth.identities.check(SHOP, key["key"]) is not None


async def test_a_user_does_not_fill_the_app_with_keys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    seen = [
        (await auth.ask("POST", "/auth/me/keys", {"name": "k"}, token=token))[0] for _ in range(25)
    ]
    assert seen[0] == 201
    assert seen[-1] == 409
    assert len(auth.users.keys(SHOP)) == KEYS_OF_USER_MAX


async def test_when_a_key_was_used(auth: Opened) -> None:
    made = (await auth.ask("POST", "/auth/keys", {"name": "k"}, who=APP))[1]
    assert made["used_at"] is None
    auth.identities.check(SHOP, made["key"])
    [key] = (await auth.ask("GET", "/auth/keys", who=APP))[1]["keys"]
    now = auth.clock.now()
    assert now - USED_S < key["used_at"] <= now


async def test_an_expired_token_stays_so_when_it_was_read_before(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(SHOP, token) is not None
    await auth.clock.advance(ACCESS_S + 1)
    assert auth.identities.check(SHOP, token) is None
