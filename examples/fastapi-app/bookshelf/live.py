"""What goes on for longer than a request: a streamed export, and a conversation."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

router = APIRouter(tags=["live"])


@router.get("/export.csv")
def export(request: Request) -> StreamingResponse:
    """Stream all books as CSV."""

    def lines() -> Iterator[str]:
        yield "isbn,title,year\n"
        for book in request.app.state.catalogue.values():
            yield f'{book.isbn},"{book.title}",{book.year}\n'

    return StreamingResponse(lines(), media_type="text/csv")


@router.websocket("/ask")
async def ask(websocket: WebSocket) -> None:
    """Answer each title that is typed with the books that begin so."""
    await websocket.accept()
    try:
        while True:
            typed = (await websocket.receive_text()).lower()
            books = websocket.app.state.catalogue.values()
            found = [book.title for book in books if book.title.lower().startswith(typed)]
            await websocket.send_json({"typed": typed, "found": found})
    except WebSocketDisconnect:
        return
