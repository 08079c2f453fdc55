"""An ordinary FastAPI project: nothing in it knows Tapwater. `uvicorn main:app` runs it too."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from bookshelf import books, live


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the app needs before its first request."""
    app.state.catalogue = books.load()
    yield
    app.state.catalogue.clear()


app = FastAPI(title="Bookshelf", version="1.0.0", lifespan=lifespan)
app.add_middleware(GZipMiddleware, minimum_size=1000)
app.include_router(books.router)
app.include_router(live.router)


@app.middleware("http")
async def timed(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say how long the answer took, as middleware does."""
    began = time.perf_counter()
    response = await forward(request)
    response.headers["x-took-ms"] = f"{(time.perf_counter() - began) * 1000:.1f}"
    return response


@app.get("/")
def index() -> dict[str, str]:
    """Greet."""
    return {"message": "Welcome to the bookshelf", "docs": "/docs"}
