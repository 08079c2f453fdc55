"""The GraphQL API: an ASGI app of a library, with its data in documents."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.functional.examples.conftest import Deployed

pytestmark = pytest.mark.slow
ADD = """
mutation($isbn: ID!, $title: String!) {
  addBook(isbn: $isbn, title: $title, author: "Le Guin") {isbn}
}
"""
LEND = 'mutation($to: String!) {lend(isbn: "1", to: $to) {lentTo}}'


@pytest.fixture(scope="module")
def library(deployed: Deployed) -> httpx.Client:
    client = deployed("graphql")
    for isbn, title in (("1", "The Dispossessed"), ("2", "Always Coming Home")):
        assert "errors" not in ask(client, ADD, isbn=isbn, title=title)
    return client


def ask(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    answer = client.post("/library-api/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_books_by_title(library: httpx.Client) -> None:
    said = ask(library, '{books(author: "Le Guin") {title author}}')
    titles = [one["title"] for one in said["data"]["books"]]
    assert titles == ["Always Coming Home", "The Dispossessed"]


def test_of_ten_who_ask_at_once_one_gets_the_book(library: httpx.Client) -> None:
    names = [f"reader {number}" for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda to: ask(library, LEND, to=to), names))
    lucky = [one["data"]["lend"]["lentTo"] for one in said if "errors" not in one]
    assert len(lucky) == 1
    unlucky = {one["errors"][0]["message"] for one in said if "errors" in one}
    assert unlucky == {"somebody has it"}
    found = ask(library, '{book(isbn: "1") {lentTo}}')
    assert found["data"]["book"] == {"lentTo": lucky[0]}


def test_a_question_that_cannot_be_is_told_so(library: httpx.Client) -> None:
    said = ask(library, "{books {price}}")
    assert "price" in said["errors"][0]["message"]
