"""What a running function may ask of the host. Declared here, made by assembly out of services."""

from typing import Protocol

from tapwater_server.model.errors import NotFound
from tapwater_server.model.invocation import Invocation


class Bindings(Protocol):
    """Answers the ASK frames of guests.

    The caller is known from the socket the question came on, not from what the question says:
    a guest can ask only in the name of the call it is running.
    """

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        """Answer one question with JSON.

        ``body`` is JSON from a guest: input from an enemy.

        Raises:
            TapwaterError: the guest is told its ``code`` and ``message``.
        """
        ...


class NoBindings:
    """For functions and tests that need nothing from the host: every question is unknown."""

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        raise NotFound(f"there is nothing called {name!r} to ask here")
