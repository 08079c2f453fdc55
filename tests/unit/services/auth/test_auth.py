"""Users: what each request gets, and what holds afterwards."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from tapwater_server.model.accounts import AccountSettings
from tapwater_server.model.ids import AppId
from tapwater_server.services.auth.entrance import GRACE_S
from tests.unit.services.auth.opened import APP, CHEAP, PASSWORD, SHOP, Opened

ADA = {"email": "Ada@Example.com", "password": PASSWORD}


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


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


async def test_signing_up_and_in(auth: Opened) -> None:
    status, tokens = await auth.ask("POST", "/auth/sign-up", {**ADA, "profile": {"name": "Ada"}})
    assert status == 201
    assert tokens["user"]["email"] == "ada@example.com"
    status, me = await auth.ask("GET", "/auth/me", token=tokens["access_token"])
    assert (status, me["profile"], me["email_verified"]) == (200, {"name": "Ada"}, False)
    assert "password" not in json.dumps(me)
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 200
    assert (await auth.ask("POST", "/auth/sign-up", ADA))[0] == 409
    assert await auth.events() == [("created", me["id"])]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no address", "password": PASSWORD},
        {"email": "a@b@c", "password": PASSWORD},
        {"email": "a\r\nbcc: x@y.example", "password": PASSWORD},
        {"email": "a@b.example", "password": "short"},
        {"email": "a@b.example", "password": "password123"},
        {"email": "longname@b.example", "password": "longname"},
        {"email": "a@b.example", "password": "x" * 300},
        {"email": "a@b.example", "password": PASSWORD, "profile": {"a": "x" * 9000}},
        {"email": "a@b.example", "password": PASSWORD, "profile": {"a": nested(60)}},
        {"email": "a@b.example", "password": PASSWORD, "roles": ["admin"]},
        {"email": 7, "password": PASSWORD},
        ["a@b.example"],
    ],
)
async def test_what_cannot_be_an_account_is_refused(auth: Opened, body: object) -> None:
    status, problem = await auth.ask("POST", "/auth/sign-up", body)
    assert (status, problem["code"]) == (400, "invalid")
    assert await auth.events() == []


async def test_confirmation(confirming: Opened) -> None:
    auth = confirming
    assert await auth.ask("POST", "/auth/sign-up", ADA) == (202, {"status": "mail_sent"})
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 403
    code = await auth.bag.code()
    assert f"https://shop.example/_/v1/auth/confirm?code={code}" in await auth.bag.text()
    # Programs that follow links do not use the code up.
    status, page = await auth.ask("GET", "/auth/confirm", query={"code": code})
    assert status == 200
    assert '<form method="post" action="confirm">' in page
    status, _ = await auth.ask("POST", "/auth/confirm", form=f"code={code}")
    assert status == 200
    assert (await auth.ask("POST", "/auth/confirm", {"code": code}))[0] == 400
    assert (await auth.ask("POST", "/auth/confirm", form=f"code={code}"))[0] == 400
    status, tokens = await auth.ask("POST", "/auth/sign-in", ADA)
    assert (status, tokens["user"]["email_verified"]) == (200, True)
    assert [what for what, _ in await auth.events()] == ["created", "confirmed"]


async def test_a_code_in_a_page_is_shown_and_not_obeyed(auth: Opened) -> None:
    _, page = await auth.ask("GET", "/auth/reset", query={"code": '"><script>x</script>'})
    assert "<script>" not in page


async def test_a_code_has_an_end(confirming: Opened) -> None:
    await confirming.ask("POST", "/auth/sign-up", ADA)
    code = await confirming.bag.code()
    await confirming.clock.advance(86_401)
    assert (await confirming.ask("POST", "/auth/confirm", {"code": code}))[0] == 400


async def test_who_has_an_account_is_not_told(confirming: Opened) -> None:
    auth = confirming
    await auth.ask("POST", "/auth/sign-up", ADA)
    await auth.ask("POST", "/auth/confirm", {"code": await auth.bag.code()})
    known = {"email": "ada@example.com"}
    unknown = {"email": "eve@example.com"}
    for path in ("/auth/reset", "/auth/confirm/again"):
        assert await auth.ask("POST", path, known) == await auth.ask("POST", path, unknown)
    assert await auth.ask("POST", "/auth/sign-up", ADA) == (202, {"status": "mail_sent"})
    assert "have an account" in (await auth.bag.letters())[-1].subject
    wrong = {"password": "not this one"}
    assert await auth.ask("POST", "/auth/sign-in", {**known, **wrong}) == await auth.ask(
        "POST", "/auth/sign-in", {**unknown, **wrong}
    )
    assert await auth.ask("POST", "/auth/sign-in", {"email": "x", **wrong}) == await auth.ask(
        "POST", "/auth/sign-in", {**unknown, **wrong}
    )


async def test_who_was_first_without_the_address_keeps_nothing(confirming: Opened) -> None:
    """Somebody signs up with another's address and waits for its owner to confirm it."""
    auth = confirming
    await auth.ask("POST", "/auth/sign-up", {**ADA, "password": "the attacker's own"})
    await auth.ask("POST", "/auth/sign-up", ADA)
    await auth.ask("POST", "/auth/confirm", {"code": await auth.bag.code()})
    attack = {**ADA, "password": "the attacker's own"}
    assert (await auth.ask("POST", "/auth/sign-in", attack))[0] == 401
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 200


async def test_refreshing_rotates_and_a_stolen_one_ends_the_session(auth: Opened) -> None:
    first = await auth.signed_in()
    body = {"refresh_token": first["refresh_token"]}
    status, second = await auth.ask("POST", "/auth/refresh", body)
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert (await auth.ask("GET", "/auth/me", token=second["access_token"]))[0] == 200
    await auth.clock.advance(GRACE_S + 1)
    status, problem = await auth.ask("POST", "/auth/refresh", body)
    assert (status, "used before" in problem["detail"]) == (401, True)
    body = {"refresh_token": second["refresh_token"]}
    assert (await auth.ask("POST", "/auth/refresh", body))[0] == 401
    assert (await auth.ask("GET", "/auth/me", token=second["access_token"]))[0] == 401


async def test_signing_out_here_and_everywhere(auth: Opened) -> None:
    here = await auth.signed_in()
    _, there = await auth.ask("POST", "/auth/sign-in", ADA)
    _, said = await auth.ask("GET", "/auth/me/sessions", token=here["access_token"])
    assert [one["current"] for one in said["sessions"]].count(True) == 1
    assert (await auth.ask("POST", "/auth/sign-out", {}, token=here["access_token"]))[0] == 204
    assert (await auth.ask("GET", "/auth/me", token=here["access_token"]))[0] == 401
    assert (await auth.ask("GET", "/auth/me", token=there["access_token"]))[0] == 200
    _, more = await auth.ask("POST", "/auth/sign-in", ADA)
    every = {"everywhere": True}
    assert (await auth.ask("POST", "/auth/sign-out", every, token=more["access_token"]))[0] == 204
    assert (await auth.ask("GET", "/auth/me", token=there["access_token"]))[0] == 401


async def test_an_access_token_has_an_end(auth: Opened) -> None:
    tokens = await auth.signed_in()
    await auth.clock.advance(899)
    assert (await auth.ask("GET", "/auth/me", token=tokens["access_token"]))[0] == 200
    await auth.clock.advance(2)
    assert (await auth.ask("GET", "/auth/me", token=tokens["access_token"]))[0] == 401


async def test_a_new_password_by_mail_ends_all_sessions(auth: Opened) -> None:
    tokens = await auth.signed_in()
    await auth.ask("POST", "/auth/reset", {"email": "ada@example.com"})
    code = await auth.bag.code()
    weak = {"code": code, "password": "short"}
    assert (await auth.ask("POST", "/auth/reset/confirm", weak))[0] == 400
    body = {"code": code, "password": "another fine one"}
    assert (await auth.ask("POST", "/auth/reset/confirm", body))[0] == 204
    assert (await auth.ask("POST", "/auth/reset/confirm", body))[0] == 400
    assert (await auth.ask("GET", "/auth/me", token=tokens["access_token"]))[0] == 401
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 401
    fresh = {**ADA, "password": "another fine one"}
    status, said = await auth.ask("POST", "/auth/sign-in", fresh)
    assert (status, said["user"]["email_verified"]) == (200, True)


async def test_changing_ones_password(auth: Opened) -> None:
    old = await auth.signed_in()
    wrong = {"old": "no", "new": "another fine one"}
    token = old["access_token"]
    assert (await auth.ask("POST", "/auth/me/password", wrong, token=token))[0] == 401
    body = {"old": PASSWORD, "new": "another fine one"}
    status, new = await auth.ask("POST", "/auth/me/password", body, token=token)
    assert status == 200
    assert (await auth.ask("GET", "/auth/me", token=token))[0] == 401
    assert (await auth.ask("GET", "/auth/me", token=new["access_token"]))[0] == 200


async def test_changing_ones_address(auth: Opened) -> None:
    tokens = await auth.signed_in()
    body = {"email": "new@example.com", "password": PASSWORD}
    status, _ = await auth.ask("POST", "/auth/me/email", body, token=tokens["access_token"])
    assert (status, (await auth.bag.letters())[-1].to) == (202, "new@example.com")
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 200  # Still the old one.
    code = {"code": await auth.bag.code()}
    assert (await auth.ask("POST", "/auth/change-email", code))[0] == 200
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 401
    moved = {"email": "new@example.com", "password": PASSWORD}
    assert (await auth.ask("POST", "/auth/sign-in", moved))[0] == 200


async def test_leaving(auth: Opened) -> None:
    tokens = await auth.signed_in()
    token = tokens["access_token"]
    assert (await auth.ask("DELETE", "/auth/me", {"password": "no"}, token=token))[0] == 401
    assert (await auth.ask("DELETE", "/auth/me", {"password": PASSWORD}, token=token))[0] == 204
    assert (await auth.ask("GET", "/auth/me", token=token))[0] == 401
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 401
    assert [what for what, _ in await auth.events()] == ["created", "deleted"]


async def test_too_many_attempts_at_one_account(auth: Opened) -> None:
    await auth.signed_in()
    wrong = {"email": "ada@example.com", "password": "guess"}
    said = [
        (await auth.ask("POST", "/auth/sign-in", wrong, client="192.0.2.7"))[0] for _ in range(12)
    ]
    assert said == [401] * 10 + [429] * 2
    # The same for an account that is not there.
    other = {"email": "eve@example.com", "password": "guess"}
    said = [
        (await auth.ask("POST", "/auth/sign-in", other, client="192.0.2.7"))[0] for _ in range(12)
    ]
    assert said == [401] * 10 + [429] * 2
    await auth.clock.advance(60)
    assert (await auth.ask("POST", "/auth/sign-in", ADA, client="192.0.2.7"))[0] == 200


async def test_too_many_mails_to_one_address_are_not_sent(auth: Opened) -> None:
    await auth.signed_in()
    for n in range(10):
        body = {"email": "ada@example.com"}
        assert (await auth.ask("POST", "/auth/reset", body, client=f"192.0.2.{n}"))[0] == 202
    assert len(await auth.bag.letters()) == 4


async def test_an_app_may_make_its_users_itself() -> None:
    auth = Opened(AccountSettings(sign_up=False))
    assert (await auth.ask("POST", "/auth/sign-up", ADA))[0] == 403
    auth.passwords.close()


async def test_the_apps_desk(auth: Opened) -> None:
    tokens = await auth.signed_in()
    for method, path in (("GET", "/users"), ("POST", "/users"), ("GET", "/auth/keys")):
        assert (await auth.ask(method, path, {}))[0] == 401
        assert (await auth.ask(method, path, {}, token=tokens["access_token"]))[0] == 403
    body = {"email": "bob@example.com", "roles": ["editor", "admin"], "claims": {"plan": "pro"}}
    status, bob = await auth.ask("POST", "/users", body, who=APP)
    assert (status, bob["roles"], bob["email_verified"]) == (201, ["admin", "editor"], True)
    assert (await auth.ask("POST", "/users", body, who=APP))[0] == 409
    assert (await auth.ask("GET", "/users/bob@example.com", who=APP))[1] == bob
    _, page = await auth.ask("GET", "/users", who=APP, query={"limit": "1"})
    assert page["next"] == page["users"][0]["id"]
    _, rest = await auth.ask("GET", "/users", who=APP, query={"after": page["next"]})
    assert [user["email"] for user in rest["users"]] == ["bob@example.com"]
    assert (await auth.ask("DELETE", f"/users/{bob['id']}", who=APP))[0] == 204
    assert (await auth.ask("GET", f"/users/{bob['id']}", who=APP))[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["admin"]},
        {"claims": {"plan": "pro"}},
        {"disabled": True},
        {"password": PASSWORD + "!"},
    ],
)
async def test_what_tokens_say_is_never_old(auth: Opened, change: object) -> None:
    tokens = await auth.signed_in()
    id = tokens["user"]["id"]
    assert (await auth.ask("PATCH", f"/users/{id}", change, who=APP))[0] == 200
    assert (await auth.ask("GET", "/auth/me", token=tokens["access_token"]))[0] == 401


async def test_new_roles_come_with_the_next_refresh(auth: Opened) -> None:
    tokens = await auth.signed_in()
    path = f"/users/{tokens['user']['id']}"
    await auth.ask("PATCH", path, {"roles": ["admin"]}, who=APP)
    body = {"refresh_token": tokens["refresh_token"]}
    _, fresh = await auth.ask("POST", "/auth/refresh", body)
    who = auth.identities.check(SHOP, fresh["access_token"])
    assert who is not None
    assert who.roles == {"admin"}


async def test_bringing_users_in_with_their_passwords(auth: Opened) -> None:
    hash = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("from before")
    users = [
        {"email": "old@example.com", "password_hash": hash},
        {"email": "old@example.com"},
        {"email": "nonsense"},
        {"email": "b@example.com", "password_hash": "$2b$12$bcrypt"},
        {"email": "c@example.com", "password_hash": hash.replace("m=64", "m=9999999")},
    ]
    status, said = await auth.ask("POST", "/users/import", {"users": users}, who=APP)
    assert status == 200
    assert [one["result"] for one in said["users"]] == [
        "created",
        "there",
        "refused",
        "refused",
        "refused",
    ]
    body = {"email": "old@example.com", "password": "from before"}
    assert (await auth.ask("POST", "/auth/sign-in", body))[0] == 200
    kept = await auth.users.find_by_email(SHOP, "old@example.com")
    assert kept is not None
    assert not CHEAP.check_needs_rehash(kept.password)  # Hashed anew with today's parameters.


async def test_keys_for_programs(auth: Opened) -> None:
    tokens = await auth.signed_in()
    body = {"name": "nightly", "roles": ["importer"], "expires_in_s": 100}
    status, key = await auth.ask("POST", "/auth/keys", body, who=APP)
    assert (status, key["key"].startswith("tapk_")) == (201, True)
    who = auth.identities.check(SHOP, key["key"])
    assert who is not None
    assert (who.user, who.roles) == (f"key:{key['id']}", frozenset({"importer"}))
    assert not who.is_trusted(SHOP)
    assert auth.identities.check(AppId("other"), key["key"]) is None
    _, listed = await auth.ask("GET", "/auth/keys", who=APP)
    assert "key" not in listed["keys"][0]
    await auth.clock.advance(101)
    assert auth.identities.check(SHOP, key["key"]) is None

    _, tokens = await auth.ask("POST", "/auth/sign-in", ADA)
    mine = tokens["access_token"]
    _, own = await auth.ask("POST", "/auth/me/keys", {"name": "script"}, token=mine)
    assert (await auth.ask("GET", "/auth/me", token=own["key"]))[1]["email"] == "ada@example.com"
    for bad in ({"roles": ["admin"]}, {"expires_in_s": -1}, {"expires_in_s": 1e308}):
        asked = {"name": "script", **bad}
        assert (await auth.ask("POST", "/auth/me/keys", asked, token=mine))[0] == 400
    assert (await auth.ask("DELETE", f"/auth/me/keys/{key['id']}", token=mine))[0] == 404
    id = tokens["user"]["id"]
    await auth.ask("PATCH", f"/users/{id}", {"disabled": True}, who=APP)
    assert auth.identities.check(SHOP, own["key"]) is None
    await auth.ask("PATCH", f"/users/{id}", {"disabled": False}, who=APP)
    assert auth.identities.check(SHOP, own["key"]) is not None
    assert (await auth.ask("DELETE", f"/auth/keys/{own['id']}", who=APP))[0] == 204
    assert auth.identities.check(SHOP, own["key"]) is None


async def test_published_keys_check_a_token(auth: Opened) -> None:
    from joserfc import jwk, jwt

    tokens = await auth.signed_in()
    _, said = await auth.ask("GET", "/auth/.well-known/openid-configuration")
    assert said["issuer"] == "https://shop.example/_/v1/auth"
    _, keys = await auth.ask("GET", "/auth/jwks.json")
    assert all("d" not in key for key in keys["keys"])
    token = jwt.decode(
        tokens["access_token"], jwk.KeySet.import_key_set(keys), algorithms=["ES256"]
    )
    assert (token.claims["aud"], token.claims["iss"]) == ("shop", said["issuer"])


async def test_keys_rotate_with_an_overlap(auth: Opened) -> None:
    old = await auth.signed_in()
    await auth.clock.advance(30 * 86_400 - 10)
    _, late = await auth.ask("POST", "/auth/sign-in", ADA)
    await auth.clock.advance(20)
    _, new = await auth.ask("POST", "/auth/sign-in", ADA)
    kids = {_head(tokens)["kid"] for tokens in (old, late, new)}
    assert len(kids) == 2
    assert (await auth.ask("GET", "/auth/me", token=late["access_token"]))[0] == 200
    assert (await auth.ask("GET", "/auth/me", token=new["access_token"]))[0] == 200
    assert len((await auth.ask("GET", "/auth/jwks.json"))[1]["keys"]) == 2
    await auth.clock.advance(2 * 86_400)
    assert len((await auth.ask("GET", "/auth/jwks.json"))[1]["keys"]) == 1


async def test_many_sign_in_at_once(auth: Opened) -> None:
    await auth.signed_in()
    asked = [auth.ask("POST", "/auth/sign-in", ADA, client=f"192.0.2.{n}") for n in range(10)]
    assert {status for status, _ in await asyncio.gather(*asked)} == {200}


def _head(tokens: dict[str, str]) -> dict[str, str]:
    head = tokens["access_token"].partition(".")[0]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(head + "=="))
    return found
