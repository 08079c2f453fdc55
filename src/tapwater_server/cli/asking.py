"""One question to the API about one app: what most commands come down to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tapwater_server.cli.choosing import which_app
from tapwater_server.cli.client import Client, Query, path_of
from tapwater_server.cli.session import Session


@asynccontextmanager
async def asking(session: Session, app: str | None) -> AsyncIterator[tuple[Client, str]]:
    """Hold a client, and know which app is meant, for commands that ask more than once."""
    async with session.client() as client:
        yield client, await which_app(session, client, app)


async def ask(
    session: Session,
    app: str | None,
    method: str,
    parts: Sequence[str],
    body: object = None,
    *,
    query: Query | None = None,
) -> tuple[str, Any]:
    """Ask once at ``parts`` below the app; give the app that was meant, and the answer.

    Raises:
        CommandFailed: no app can be told, nobody answers, or the answer is a problem.
    """
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, *parts)
        return chosen, await client.ask(method, path, body=body, query=query)
