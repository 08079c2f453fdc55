"""The shop: typed bodies, tokens, a function that calls another, a page."""

import json
from typing import Any

import httpx
import pytest

from tests.functional.examples.conftest import Deployed
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

GOOD_CARD, DECLINED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"
BASKET = [{"product": "assam", "quantity": 2}, {"product": "cup", "quantity": 1}]


@pytest.fixture(scope="module")
def shop(deployed: Deployed) -> httpx.Client:
    return deployed("shop")


@pytest.fixture(scope="module")
def ada(shop: httpx.Client) -> dict[str, Any]:
    answer = shop.post("/users-api/register", json={"name": "Ada", "email": "ada@example.com"})
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


def bearer(user: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {user['token']}"}


def test_the_page_is_served(shop: httpx.Client) -> None:
    page = shop.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Tea shop</title>" in page.text


def test_products_by_category(shop: httpx.Client) -> None:
    found = shop.get("/orders-api/products", params={"category": "tea", "limit": 2}).json()
    assert [product["id"] for product in found] == ["assam", "sencha"]


def test_a_query_that_is_no_number_is_named(shop: httpx.Client) -> None:
    answer = shop.get("/orders-api/products", params={"limit": "many"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [problem["where"] for problem in answer.json()["problems"]] == ["query.limit"]


def test_a_body_with_a_field_missing_is_named(shop: httpx.Client) -> None:
    answer = shop.post("/users-api/register", json={"name": "Ada"})
    assert answer.status_code == 422
    assert [problem["where"] for problem in answer.json()["problems"]] == ["body.email"]


def test_a_basket_is_priced(shop: httpx.Client) -> None:
    quote = shop.post("/orders-api/quote", json={"items": BASKET}).json()
    assert quote["total_cents"] == 2 * 890 + 690
    assert [line["name"] for line in quote["lines"]] == ["Assam, 250 g", "Cup"]


def test_a_body_that_any_page_could_send_is_refused(shop: httpx.Client) -> None:
    # A form of another site can send JSON as text/plain, with the visitor's cookies.
    plain = {"content-type": "text/plain"}
    body = json.dumps({"items": BASKET}).encode()
    answer = shop.post("/orders-api/quote", content=body, headers=plain)
    assert answer.status_code == 415


def test_problems_of_the_handlers_own(shop: httpx.Client) -> None:
    items = [{"product": "unicorn"}, {"product": "cup", "quantity": 0}]
    answer = shop.post("/orders-api/quote", json={"items": items})
    assert answer.status_code == 422
    assert [problem["where"] for problem in answer.json()["problems"]] == [
        "body.items[0]",
        "body.items[1]",
    ]


def test_a_profile_is_its_holders(shop: httpx.Client, ada: dict[str, Any]) -> None:
    own = shop.get(f"/users-api/profile/{ada['id']}", headers=bearer(ada))
    assert own.json() == {"id": ada["id"], "name": "Ada", "email": "ada@example.com"}
    assert shop.get("/users-api/profile/else", headers=bearer(ada)).status_code == 404
    assert shop.get(f"/users-api/profile/{ada['id']}").status_code == 401


def test_a_forged_token_is_refused(shop: httpx.Client, ada: dict[str, Any]) -> None:
    forged = {"authorization": f"Bearer {ada['token'][:-2]}xx"}
    assert shop.get(f"/users-api/profile/{ada['id']}", headers=forged).status_code == 401


def test_an_order_is_paid_by_another_function(
    shop: httpx.Client, platform: Platform, ada: dict[str, Any]
) -> None:
    order = {"items": BASKET, "card": GOOD_CARD}
    answer = shop.post("/orders-api/place", json=order, headers=bearer(ada))
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    assert placed["total_cents"] == 2470
    assert placed["payment"].startswith("p-")
    read = shop.post("/orders-api/receipt", json={"receipt": placed["receipt"]}).json()
    assert (read["order"], read["user"]) == (placed["order"], ada["id"])


def test_a_declined_card_is_the_customers_business(shop: httpx.Client, ada: dict[str, Any]) -> None:
    order = {"items": BASKET, "card": DECLINED_CARD}
    answer = shop.post("/orders-api/place", json=order, headers=bearer(ada))
    assert answer.status_code == 402
    assert answer.json()["detail"] == "The bank declined this card."


def test_a_secret_replaces_the_key_for_trying_out(
    shop: httpx.Client, platform: Platform, ada: dict[str, Any]
) -> None:
    put = platform.api("PUT", "/apps/shop/secrets/SIGNING_KEY", json={"value": "not public"})
    assert put.status_code < 300, put.text
    try:
        # Whatever was signed with the public key is worth nothing now.
        old = shop.get(f"/users-api/profile/{ada['id']}", headers=bearer(ada))
        assert old.status_code == 401
    finally:
        platform.api("DELETE", "/apps/shop/secrets/SIGNING_KEY")
    again = shop.get(f"/users-api/profile/{ada['id']}", headers=bearer(ada))
    assert again.status_code == 200


def test_each_group_describes_itself(shop: httpx.Client) -> None:
    described = shop.get("/orders-api/openapi.json").json()
    assert {"/products", "/quote", "/place", "/receipt"} <= {
        path.removeprefix("/orders-api") for path in described["paths"]
    }
