"""Handlers of the examples, called as their authors would: in a unit test, without a platform."""

from pathlib import Path

import pytest

from tapwater.testing import call
from tests.functional.examples.conftest import EXAMPLES

REGISTERED = {"name": "Ada", "email": "ada@example.com"}
KEY = {"SIGNING_KEY": "of this test"}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(EXAMPLES / "shop")
    return EXAMPLES / "shop"


@pytest.mark.usefixtures("shop")
def test_registering_and_buying() -> None:
    user = call("users/restful/register.py", "POST", json=REGISTERED, secrets=KEY).json()
    placed = call(
        "orders/restful/place.py",
        "POST",
        json={"items": [{"product": "cup", "quantity": 3}], "card": "any"},
        headers={"authorization": f"Bearer {user['token']}"},
        secrets=KEY,
        calls={"payments/charge": lambda data: {"id": "p-1", "amount_cents": data["amount_cents"]}},
    )
    assert placed.status == 201
    receipt = call(
        "orders/restful/receipt.py", "POST", json={"receipt": placed.json()["receipt"]}, secrets=KEY
    )
    assert receipt.json()["total_cents"] == 3 * 690
    assert receipt.json()["user"] == user["id"]


@pytest.mark.usefixtures("shop")
def test_a_receipt_is_no_ticket() -> None:
    user = call("users/restful/register.py", "POST", json=REGISTERED, secrets=KEY).json()
    answer = call("orders/restful/receipt.py", "POST", json={"receipt": user["token"]}, secrets=KEY)
    assert answer.status == 401


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("card", "status"),
    [("4242 4242 4242 4242", 200), ("4242 4242 4242 4241", 402), ("4000 0000 0000 0002", 402)],
)
def test_cards(card: str, status: int) -> None:
    charge = {"order": "o-1", "amount_cents": 100, "card": card}
    assert call("payments/restful/charge.py", "POST", json=charge).status == status


@pytest.mark.usefixtures("shop")
def test_wrong_fields_are_all_named() -> None:
    answer = call("users/restful/register.py", "POST", json={"name": " ", "email": "x"})
    assert [problem["where"] for problem in answer.json()["problems"]] == [
        "body.name",
        "body.email",
    ]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("I am tired.", "How long have you been tired?"),
        ("My cat left", "Tell me more about your cat."),
        ("Why?", "What do you think yourself?"),
        ("{}", "Please go on."),
    ],
)
def test_eliza_listens(said: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "chat")
    result = call("answers/restful/ask.py", "POST", json={"text": said})
    words = [piece.decode().partition('"word":"')[2] for piece in result.pieces]
    assert " ".join(word.partition('"')[0] for word in words if word) == answer
