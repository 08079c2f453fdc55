"""Guessing, flooding, asking who has an account, and tricks with addresses."""

from collections.abc import AsyncIterator

import pytest

from tapwater_server.model.accounts import AccountSettings
from tests.unit.services.auth.opened import PASSWORD, Opened

ADA = {"email": "ada@example.com", "password": PASSWORD}


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


async def test_no_answer_says_who_has_an_account(confirming: Opened) -> None:
    await confirming.ask("POST", "/auth/sign-up", ADA)
    await confirming.ask("POST", "/auth/confirm", {"code": await confirming.bag.code()})
    new = {**ADA, "email": "new@example.com"}
    for path, known, stranger in (
        ("sign-up", ADA, new),
        ("reset", {"email": ADA["email"]}, {"email": "s@example.com"}),
        ("confirm/again", {"email": ADA["email"]}, {"email": "s@example.com"}),
        (
            "sign-in",
            {**ADA, "password": "something else"},
            {"email": "s@example.com", "password": "something else"},
        ),
    ):
        one = await confirming.ask("POST", f"/auth/{path}", known)
        assert one == await confirming.ask("POST", f"/auth/{path}", stranger), path


async def test_one_address_of_ipv6_is_as_good_as_all_of_its_network(auth: Opened) -> None:
    body = {"refresh_token": "tapr_x"}
    seen = [
        (await auth.ask("POST", "/auth/refresh", body, client=f"2001:db8::{n:x}"))[0]
        for n in range(80)
    ]
    assert seen[0] == 401
    assert seen[-1] == 429
    assert (await auth.ask("POST", "/auth/refresh", body, client="2001:db8:0:1::1"))[0] == 401


async def test_mass_sign_up_from_everywhere_is_slowed_down(confirming: Opened) -> None:
    seen = [
        (await confirming.ask("POST", "/auth/reset", {"email": f"a{n}@b.example"}, client=f"c{n}"))[
            0
        ]
        for n in range(260)
    ]
    assert seen[:200] == [202] * 200
    assert seen[-1] == 429
    # Nobody is kept from signing in by that.
    assert (await confirming.ask("POST", "/auth/sign-in", ADA))[0] == 401


async def test_nobody_locks_another_out(auth: Opened) -> None:
    await auth.signed_in()
    wrong = {**ADA, "password": "something else"}
    seen = [
        (await auth.ask("POST", "/auth/sign-in", wrong, client="203.0.113.9"))[0] for _ in range(20)
    ]
    assert seen[-1] == 429
    assert (await auth.ask("POST", "/auth/sign-in", ADA))[0] == 200


async def test_guessing_from_many_places_is_slow_all_the_same(auth: Opened) -> None:
    wrong = {**ADA, "password": "something else"}
    seen = [(await auth.ask("POST", "/auth/sign-in", wrong, client=f"c{n}"))[0] for n in range(101)]
    assert seen[99:] == [401, 429]


async def test_a_stranger_does_not_keep_the_hashing_busy(
    auth: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = list[str]()

    async def count(self: object, password: str) -> str:
        hashed.append(password)
        return "hash"

    monkeypatch.setattr(type(auth.passwords), "hash", count)
    new = {"code": "guessed", "password": "something else entirely"}
    seen = [(await auth.ask("POST", "/auth/reset/confirm", new))[0] for _ in range(80)]
    assert (seen[0], seen[-1]) == (400, 429)
    assert len(hashed) == seen.count(400)


@pytest.mark.parametrize(
    ("said", "is_ada"),
    [
        ("ADA@EXAMPLE.COM", True),
        ("\uff41da@example.com", True),  # full width: the same letters
        ("ada@example\u3002com", None),  # the full stop of other scripts
        ("ada@B\u00dcCHER.example", False),  # a domain as people write it
        ("ada+x@example.com", False),  # another mailbox, for all we know
        ("a.da@example.com", False),
        ("\u0430da@example.com", None),  # Cyrillic a
        ("ada@ex\u0430mple.com", False),  # another domain that looks the same
        ("ada@stra\u00dfe.example", None),  # two owners' names, one in the older tables
        ("ada@example.com\u200b", None),
        ("ada@example.com\r\nbcc: b@example.com", None),
        ("ada@example.com,b@example.com", None),
        ("<ada@example.com>", None),
        ("ada@example.com.", None),
        ("ada\u0000@example.com", None),
    ],
)
async def test_tricks_with_addresses(auth: Opened, said: str, is_ada: bool | None) -> None:
    await auth.signed_in()
    status, _ = await auth.ask("POST", "/auth/sign-up", {"email": said, "password": PASSWORD})
    assert status == {True: 409, False: 201, None: 400}[is_ada]
    for letter in await auth.bag.letters():
        assert all(box.isascii() and box.isprintable() for box in letter.recipients)
