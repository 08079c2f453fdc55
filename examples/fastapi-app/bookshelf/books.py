"""Books by their number: listing, finding, recommending, uploading a cover."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, UploadFile
from pydantic import BaseModel, Field

router = APIRouter(prefix="/books", tags=["books"])


class Book(BaseModel):
    """One book."""

    isbn: str = Field(pattern=r"^\d{13}$")
    title: str = Field(min_length=1, max_length=200)
    year: int = Field(ge=1450, le=2100)
    tags: list[str] = []


Catalogue = dict[str, Book]


def load() -> Catalogue:
    """Give the books that the shelf begins with."""
    books = [
        Book(isbn="9780262510875", title="Structure and Interpretation", year=1996, tags=["lisp"]),
        Book(isbn="9780131103627", title="The C Programming Language", year=1988, tags=["c"]),
        Book(isbn="9780201835953", title="The Mythical Man-Month", year=1995, tags=["people"]),
    ]
    return {book.isbn: book for book in books}


def catalogue(request: Request) -> Catalogue:
    """Find the shelf of this process."""
    shelf: Catalogue = request.app.state.catalogue
    return shelf


Shelf = Annotated[Catalogue, Depends(catalogue)]


@router.get("")
def list_books(
    shelf: Shelf, tag: str | None = None, limit: Annotated[int, Query(ge=1)] = 10
) -> list[Book]:
    """List books, those with a tag or all."""
    return [book for book in shelf.values() if tag is None or tag in book.tags][:limit]


@router.get("/{isbn}")
def find_book(isbn: str, shelf: Shelf) -> Book:
    """Find one book."""
    if isbn not in shelf:
        raise HTTPException(404, "no such book")
    return shelf[isbn]


@router.post("/check", status_code=200)
async def check_book(book: Book) -> Book:
    """Check a book, and give it back as it would be stored."""
    return book.model_copy(update={"tags": sorted(set(book.tags))})


@router.post("/{isbn}/cover")
async def upload_cover(isbn: str, cover: UploadFile, shelf: Shelf) -> dict[str, str | int]:
    """Take the picture of a book."""
    book = find_book(isbn, shelf)
    data = await cover.read()
    return {"title": book.title, "file": cover.filename or "", "bytes": len(data)}
