"""What whoever knows users by their tokens must do."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tapwater_server.model.ids import AppId
from tests.unit.services.auth.opened import PASSWORD, SHOP, Opened

OTHER = AppId("other")


@pytest.fixture
async def auth() -> AsyncIterator[Opened]:
    opened = Opened()
    yield opened
    opened.passwords.close()


async def test_idn_1_a_good_token_is_somebodys(auth: Opened) -> None:
    tokens = await auth.signed_in()
    who = auth.identities.check(SHOP, tokens["access_token"])
    assert who is not None
    assert (who.user, who.user_app, who.email) == (tokens["user"]["id"], SHOP, "ada@example.com")
    assert who.is_user_of(SHOP)
    assert not who.is_trusted(SHOP)


async def test_idn_1_one_bit_makes_it_nobodys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(SHOP, token) is not None  # Remembered; the others are not it.
    raw = bytearray(token.encode())
    for at in range(len(raw)):
        for bit in (1, 4, 32):
            changed = bytearray(raw)
            changed[at] ^= bit
            text = changed.decode("latin-1")
            # The last letter of a part has bits that mean nothing in base 64.
            if _meaning(text) != _meaning(token):
                assert auth.identities.check(SHOP, text) is None, (at, bit)


async def test_idn_1_another_apps_token_is_nobodys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(OTHER, token) is None


async def test_idn_1_expired_is_nobodys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    assert auth.identities.check(SHOP, token) is not None
    await auth.clock.advance(901)
    assert auth.identities.check(SHOP, token) is None


async def test_idn_1_revoked_is_nobodys_at_once(auth: Opened) -> None:
    tokens = await auth.signed_in()
    assert auth.identities.check(SHOP, tokens["access_token"]) is not None
    await auth.users.end_sessions(
        SHOP, tokens["user"]["id"], refuse_until=auth.house.refuse_until()
    )
    assert auth.identities.check(SHOP, tokens["access_token"]) is None


async def test_idn_1_what_we_did_not_sign_is_nobodys(auth: Opened) -> None:
    token = (await auth.signed_in())["access_token"]
    head, claims = (json.loads(_bytes(part)) for part in token.split(".")[:2])
    key = auth.keys.known(SHOP)[0]
    own = ECKey.generate_key("P-256")
    forged = [
        jwt.encode(head, claims, own),
        _joined({**head, "alg": "none"}, claims, b""),
        jwt.encode({**head, "kid": "unknown"}, claims, own),
        jwt.encode({**head, "alg": "HS256"}, claims, OctKey.import_key(PASSWORD * 2)),
        # Signed by us, but not as such a token.
        jwt.encode({**head, "typ": "JWT"}, claims, key.key),
        jwt.encode(head, {**claims, "aud": "other"}, key.key),
    ]
    for text in forged:
        assert auth.identities.check(SHOP, text) is None, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "tapk_",
        "tapk_" + "x" * 5000,
        "x" * 5000,
        "ü.ü.ü",
        "\ud800",
        "W10.e30.x",
    ],
)
async def test_idn_1_nonsense_is_nobodys(auth: Opened, text: str) -> None:
    await auth.signed_in()
    assert auth.identities.check(SHOP, text) is None


async def test_idn_2_check_is_no_coroutine_and_asks_no_store(auth: Opened) -> None:
    tokens = await auth.signed_in()
    assert not asyncio.iscoroutinefunction(auth.identities.check)
    store = auth.users

    class Memory:
        """Only what answers from memory."""

        key, refuses = store.key, store.refuses

    auth.identities._users = Memory()  # type: ignore[assignment]
    assert auth.identities.check(SHOP, tokens["access_token"]) is not None
    assert auth.identities.check(SHOP, "tapk_unknown") is None


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _joined(head: object, claims: object, signature: bytes) -> str:
    parts = (json.dumps(head).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _meaning(token: str) -> object:
    try:
        return [_bytes(part) for part in token.split(".")]
    except ValueError:
        return token
