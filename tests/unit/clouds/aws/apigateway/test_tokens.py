"""Tokens are good if their issuer has signed them for us, and the time is right."""

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tapwater_server.clouds.aws.apigateway.tokens import REFRESH_S_MIN, BadToken, Tokens
from tapwater_server.testing.clock import ManualClock

ISSUER = "https://i.example"


class Published:
    """What an issuer publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "0", "alg": "ES256", "use": "sig"})]
        self.asked = 0
        self.gone = False

    async def __call__(self, issuer: str) -> Mapping[str, Any]:
        self.asked += 1
        if self.gone:
            raise OSError("nobody there")
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def turn(self) -> None:
        number = str(int(str(self.keys[0].kid)) + 1)
        options: Any = {"kid": number, "alg": "ES256", "use": "sig"}
        self.keys = [ECKey.generate_key("P-256", options)]

    def token(self, clock: ManualClock, **claims: Any) -> str:
        said = {"iss": ISSUER, "aud": "shop", "exp": int(clock.now()) + 300, **claims}
        header = {"alg": "ES256", "kid": self.keys[0].kid}
        return jwt.encode(header, said, self.keys[0])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def tokens(clock: ManualClock, published: Published) -> Tokens:
    return Tokens(fetch=published, clock=clock)


async def test_good(tokens: Tokens, published: Published, clock: ManualClock) -> None:
    for said in (published.token(clock, sub="u"), "Bearer " + published.token(clock, sub="u")):
        claims = await tokens.claims(said, issuer=ISSUER, audience=["shop"])
        assert claims["sub"] == "u"
    assert published.asked == 1


async def test_bad(tokens: Tokens, published: Published, clock: ManualClock) -> None:
    stranger = Published()
    for said, why in (
        (published.token(clock, exp=1), "expired"),
        (published.token(clock, nbf=int(clock.now()) + 999), "not valid yet"),
        (published.token(clock, aud="other"), "audience"),
        (published.token(clock, iss="https://other.example"), "issuer"),
        (stranger.token(clock), "signature"),
        ("nonsense", "signature"),
        ("", "signature"),
        (jwt.encode({"alg": "ES256"}, {}, stranger.keys[0]), "signature"),
    ):
        with pytest.raises(BadToken, match=why):
            await tokens.claims(said, issuer=ISSUER, audience=["shop"])
    assert published.asked == 1, "bad tokens make nobody ask again and again"


async def test_new_keys_are_found(tokens: Tokens, published: Published, clock: ManualClock) -> None:
    await tokens.claims(published.token(clock), issuer=ISSUER, audience=[])
    published.turn()
    with pytest.raises(BadToken):
        await tokens.claims(published.token(clock), issuer=ISSUER, audience=[])
    await clock.advance(REFRESH_S_MIN + 1)
    await tokens.claims(published.token(clock), issuer=ISSUER, audience=[])
    assert published.asked == 2


async def test_an_issuer_that_is_gone(
    tokens: Tokens, published: Published, clock: ManualClock
) -> None:
    published.gone = True
    with pytest.raises(BadToken, match="cannot be had"):
        await tokens.claims(published.token(clock), issuer=ISSUER, audience=[])
