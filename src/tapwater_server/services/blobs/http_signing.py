"""The API that gives signed URLs out."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from tapwater_server.model.blob import About
from tapwater_server.model.blob_names import check_about
from tapwater_server.model.errors import Invalid
from tapwater_server.ports.blobs import Naming
from tapwater_server.ports.clock import Clock
from tapwater_server.services.blobs import signing
from tapwater_server.services.blobs.service import check
from tapwater_server.services.blobs.shapes import SignAsked
from tapwater_server.services.blobs.signing import EXPIRES_S_MAX, METHODS, Grant
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint


class SigningApi:
    """Signs for whoever may do everything; what is signed works without any other proof."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/blobs/-/sign",
                says="Make a URL with which anyone may GET or PUT one blob for a while.",
                handler=self._sign,
                takes=SignAsked,
            ),
        )

    async def _sign(self, asked: Asked) -> dict[str, Any]:
        given = await asked.body(SignAsked)
        check(Naming(bucket=given.bucket, key=given.key))
        check_about(About(content_disposition=given.disposition))
        if given.content_type:
            check_about(About(content_type=given.content_type))
        if given.method not in METHODS:
            raise Invalid(f"a signed URL is for one of {', '.join(METHODS)}")
        if "\n" in given.version or given.bytes_max < 0:
            raise Invalid("no such version, or fewer bytes than none")
        grant = Grant(
            method=given.method,
            app=asked.app,
            bucket=given.bucket,
            key=given.key,
            expires=expiry(given.expires_s, self._clock),
            bytes_max=given.bytes_max,
            content_type=given.content_type,
            version=given.version,
            disposition=given.disposition,
        )
        path = f"{asked.root}/blobs/{given.bucket}/{quote(given.key)}"
        query = urlencode(signing.query_of(grant, self._key))
        return {
            "url": f"{base_of(asked)}{path}?{query}",
            "method": given.method,
            "expires": grant.expires,
        }


def expiry(expires_s: float, clock: Clock) -> int:
    """Say until when, in whole seconds since the epoch.

    Raises:
        Invalid: not at all, or for too long.
    """
    if not 1 <= expires_s <= EXPIRES_S_MAX:
        raise Invalid(f"a signature holds from 1 to {EXPIRES_S_MAX:.0f} seconds")
    return int(clock.now() + expires_s)


def base_of(asked: Asked) -> str:
    """Where the client reaches us; for a function, where its own caller did."""
    caller = asked.caller
    if asked.base_url or caller is None or not caller.host:
        return asked.base_url
    return f"{caller.scheme}://{caller.host.decode('latin-1')}"
