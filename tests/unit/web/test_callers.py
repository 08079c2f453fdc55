"""Who asks, from the token they send."""

import pytest

from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.errors import NotFound, Unauthenticated
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.web.callers import TOKEN_CHARS_MAX, Callers, bearer, whoever

SHOP, BLOG = AppId("shop"), AppId("blog")


class Users:
    """Knows Ada in the shop."""

    def check(self, app: AppId, token: str) -> Principal | None:
        known = app == SHOP and token == "ada"
        return Principal(name="ada", user="u1", user_app=SHOP) if known else None


async def test_tokens_of_both_kinds_are_known() -> None:
    tokens = MemoryTokens(ids=SystemIds())
    text = await tokens.issue("ci", admin=False, apps=[SHOP])
    callers = Callers(tokens=tokens, identities=Users())
    assert callers.find(SHOP, None) is NOBODY
    assert callers.find(SHOP, text).apps == {SHOP}
    assert callers.find(SHOP, "ada").user == "u1"
    for token in ("", "bob", "tap_wrong", "x" * (TOKEN_CHARS_MAX + 1)):
        with pytest.raises(Unauthenticated):
            callers.find(SHOP, token)
    with pytest.raises(Unauthenticated):
        callers.find(BLOG, "ada")


def test_the_header_says_the_scheme() -> None:
    assert bearer("") is None
    assert bearer("bearer  abc ") == "abc"
    for text in ("Basic abc", "Bearer", "Bearer ", "abc"):
        with pytest.raises(Unauthenticated):
            bearer(text)


def test_holders_for_other_apps_find_nothing() -> None:
    for fine in (
        NOBODY,
        Principal(name="a", admin=True),
        Principal(name="a", apps=frozenset({SHOP})),
        Principal(name="a", user="u", user_app=SHOP),
    ):
        assert whoever(fine, SHOP) is fine
        if fine is not NOBODY and not fine.admin:
            with pytest.raises(NotFound):
                whoever(fine, BLOG)
