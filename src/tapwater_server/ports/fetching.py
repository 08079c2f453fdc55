"""Asking others on the web, on behalf of an app: small questions, small JSON answers.

FET-1  An address on this machine or in its network is asked only with ``own_network``.
FET-2  An answer has a ceiling in bytes and in time; redirections are not followed.
FET-3  What is not 200 with JSON is a FetchFailed, and no other exception comes out.
FET-4  post() gives bytes as they are; any answer of 200 to 299 will do, and is not read.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from tapwater_server.model.errors import TapwaterError


class FetchFailed(TapwaterError):
    """The other side did not answer as it should."""

    code = "fetch_failed"


class Fetcher(Protocol):
    """See the promises above."""

    async def ask(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        own_network: bool,
    ) -> Any:
        """GET, or POST a form; give the JSON.

        Raises:
            FetchFailed: there is none.
        """
        ...


class Poster(Protocol):
    """See the promises above."""

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], own_network: bool
    ) -> None:
        """POST something.

        Raises:
            FetchFailed: it was not taken.
        """
        ...
