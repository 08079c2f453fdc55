"""Sends to one server the operator has named, over a connection that is kept."""

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING

from tapwater_server.ports.clock import Clock
from tapwater_server.ports.shipping import ANSWER_BYTES_MAX, SEND_S_MAX, Receipt

if TYPE_CHECKING:
    import httpx

RETRY_AFTER_S_MAX = 3600.0


class HttpShipper:
    """See the promises of ``ports/shipping.py``. ``url`` is the operator's: it may be anywhere."""

    def __init__(self, url: str, *, headers: Mapping[str, str], clock: Clock) -> None:
        self._url, self._headers, self._clock = url.rstrip("/"), dict(headers), clock

    @cached_property
    def _http(self) -> "httpx.AsyncClient":
        import httpx  # Only a node that sends pays for it.

        return httpx.AsyncClient(
            timeout=SEND_S_MAX,
            headers={**self._headers, "accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        import httpx

        try:
            async with asyncio.timeout(SEND_S_MAX):
                return await self._send(f"{self._url}{path}", body, headers)
        except TimeoutError:
            return Receipt(why=f"no answer in {SEND_S_MAX:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Receipt(why=f"{type(error).__name__}: {error}"[:300])

    async def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        async with self._http.stream("POST", url, content=body, headers=headers) as answer:
            answered = bytearray()
            # As it came: a few bytes can be pressed out of gigabytes.
            async for part in answer.aiter_raw():
                answered += part
                if len(answered) > ANSWER_BYTES_MAX:
                    break
        return Receipt(
            status=answer.status_code,
            retry_after_s=self._retry_after_s(answer.headers.get("retry-after", "")),
            body=bytes(answered[:ANSWER_BYTES_MAX]),
        )

    def _retry_after_s(self, said: str) -> float | None:
        """Read seconds, or a date (RFC 9110, 10.2.3)."""
        if not said:
            return None
        if said.isdecimal() and len(said) < 10:
            return min(float(said), RETRY_AFTER_S_MAX)
        try:
            left_s = parsedate_to_datetime(said).timestamp() - self._clock.now()
        except (ValueError, OverflowError, OSError):
            return None
        return min(max(0.0, left_s), RETRY_AFTER_S_MAX)
