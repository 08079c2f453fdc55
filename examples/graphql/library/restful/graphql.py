"""/library-api/graphql: a GraphQL API of a library, its books in documents."""

import asyncio

import strawberry
from strawberry.asgi import GraphQL
from tapwater import docs, options
from tapwater.services.docs import Transaction

options(concurrency=8)

BOOKS_MAX = 100


@strawberry.type
class Book:
    """One book."""

    isbn: strawberry.ID
    title: str
    author: str
    lent_to: str | None = None


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def books(self, author: str | None = None, first: int = 20) -> list[Book]:
        """Books by title, all or an author's."""
        wanted = docs.query("books").order_by("title").limit(max(1, min(first, BOOKS_MAX)))
        if author is not None:
            wanted = wanted.where("author", "==", author)
        return [Book(**one.data) for one in await asyncio.to_thread(wanted.all)]

    @strawberry.field
    async def book(self, isbn: strawberry.ID) -> Book | None:
        """One book by its number."""
        found = await asyncio.to_thread(docs.collection("books").get, isbn)
        return Book(**found.data) if found else None


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    async def add_book(self, isbn: strawberry.ID, title: str, author: str) -> Book:
        """Add a book, or correct one."""
        facts = {"isbn": isbn, "title": title, "author": author}
        await asyncio.to_thread(docs.collection("books").set, isbn, facts, merge=True)
        return Book(isbn=isbn, title=title, author=author)

    @strawberry.mutation
    async def lend(self, isbn: strawberry.ID, to: str) -> Book:
        """Lend a book to somebody, unless somebody has it."""
        return await asyncio.to_thread(docs.transaction, lambda work: lend(work, isbn, to))


def lend(work: Transaction, isbn: str, to: str) -> Book:
    """Read and write in one transaction: of two who ask at once, one gets the book."""
    path = f"books/{isbn}"
    found = work.get(path)
    if found is None:
        raise ValueError("there is no such book")
    if found.get("lent_to"):
        raise ValueError("somebody has it")
    work.update(path, {"lent_to": to})
    return Book(**{**found.data, "lent_to": to})


schema = strawberry.Schema(Query, Mutation)
app = GraphQL(schema)
