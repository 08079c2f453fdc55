"""A shelf of books behind API Gateway: routes, errors and structured logs by Powertools."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
app = APIGatewayHttpResolver()

BOOKS = {"1": {"title": "Ulysses", "pages": 730}, "2": {"title": "Emma", "pages": 474}}


@app.get("/books")
def list_books() -> list[dict[str, Any]]:
    """All of them, or those with at least so many pages."""
    pages = app.current_event.get_query_string_value("pages", "0")
    if not pages.isdigit():
        raise BadRequestError("pages is a number")
    return [
        {"id": id, **book} for id, book in BOOKS.items() if int(str(book["pages"])) >= int(pages)
    ]


@app.get("/books/<id>")
def get_book(id: str) -> dict[str, Any]:
    """One of them."""
    if id not in BOOKS:
        raise NotFoundError(f"there is no book {id}")
    logger.info("read", extra={"book": id})
    return {"id": id, **BOOKS[id]}


@app.post("/books")
def add_book() -> tuple[dict[str, Any], int]:
    """Say what would be added: the shelf of an example is fixed."""
    book = app.current_event.json_body
    return {"id": str(len(BOOKS) + 1), **book}, 201


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls."""
    return app.resolve(event, context)
