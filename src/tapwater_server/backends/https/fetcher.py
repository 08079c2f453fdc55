"""Asks others over HTTP(S). The address that was looked at is the one that is connected to."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tapwater_server.model.reach import is_in_the_world
from tapwater_server.ports.fetching import FetchFailed

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES_MAX = 1 << 20
ANSWER_S_MAX = 10.0
_PORTS = {"https": 443, "http": 80}


class HttpsFetcher:
    """See the promises of ``ports/fetching.py``."""

    @cached_property
    def _http(self) -> "httpx.AsyncClient":
        import httpx  # Only a node that asks others pays for it.

        return httpx.AsyncClient(
            timeout=ANSWER_S_MAX,
            follow_redirects=False,
            trust_env=False,
            # No connection is used twice: it was opened to an address, for the name of one host.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def ask(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        own_network: bool,
    ) -> Any:
        with _failing(url):
            async with asyncio.timeout(ANSWER_S_MAX):
                request = await self._request(
                    url, headers={"accept": "application/json"}, data=form, own_network=own_network
                )
                return await self._answer(request, basic)

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], own_network: bool
    ) -> None:
        with _failing(url):
            async with asyncio.timeout(ANSWER_S_MAX):
                request = await self._request(
                    url, headers=headers, content=body, own_network=own_network
                )
                answer = await self._http.send(request, stream=True)
                await answer.aclose()
        if not answer.is_success:
            raise FetchFailed(f"the answer has status {answer.status_code}")

    async def _request(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        own_network: bool,
    ) -> "httpx.Request":
        import httpx

        asked = httpx.URL(url)
        if asked.scheme not in _PORTS or not asked.host:
            raise FetchFailed(f"{url[:100]!r} is no address to ask at")
        address = await _address(asked, own_network=own_network)
        return self._http.build_request(
            "GET" if data is None and content is None else "POST",
            asked.copy_with(host=address),
            data=data,
            content=content,
            headers={
                **headers,
                "host": asked.netloc.decode("ascii"),
                "accept-encoding": "identity",
            },
            extensions={"sni_hostname": asked.host},
        )

    async def _answer(self, request: "httpx.Request", basic: tuple[str, str] | None) -> Any:
        import httpx

        auth = None if basic is None else httpx.BasicAuth(*basic)
        answer = await self._http.send(request, stream=True, auth=auth)
        try:
            raw = bytearray()
            # As it came, which is as it was asked for: a few bytes can be pressed out of gigabytes.
            async for part in answer.aiter_raw():
                raw += part
                if len(raw) > ANSWER_BYTES_MAX:
                    raise FetchFailed("the answer is larger than any such answer")
        finally:
            await answer.aclose()
        if answer.status_code != 200:
            raise FetchFailed(f"the answer has status {answer.status_code}")
        try:
            return msgspec.json.decode(bytes(raw))
        except (msgspec.DecodeError, RecursionError):
            raise FetchFailed("the answer is not JSON") from None


@contextmanager
def _failing(url: str) -> Iterator[None]:
    """Turn all that can go wrong between two machines into one error."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        said = str(error) or type(error).__name__
        raise FetchFailed(f"{_host(url)} cannot be asked: {said}") from None


async def _address(url: "httpx.URL", *, own_network: bool) -> str:
    """Look the host up, and refuse what an app must not reach through us."""
    loop = asyncio.get_running_loop()
    port = url.port or _PORTS[url.scheme]
    found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    if not own_network and not is_in_the_world(address):
        raise FetchFailed(f"{url.host} is in the node's own network (see reach_private)")
    return address


def _host(url: str) -> str:
    return url.split("/")[2][:100] if url.count("/") > 1 else "the address"
