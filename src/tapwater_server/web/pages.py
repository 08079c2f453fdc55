"""What stands beside the services: their description, a page to try them, a browser's client."""

from hashlib import sha256
from importlib.resources import files

import msgspec

from tapwater_server.web.dispatch import Said, Table
from tapwater_server.web.docs_page import CONTENT_SECURITY_POLICY, DOCS_PAGE
from tapwater_server.web.openapi import describe_services
from tapwater_server.web.scope import Scope, headers_of

CLIENT = files("tapwater_server.web").joinpath("static/tapwater.js").read_bytes()
_READING = frozenset({"GET", "HEAD"})


class Pages:
    """Known before the first request; only the title depends on the app."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._script = _cached(CLIENT, "text/javascript; charset=utf-8")
        self._page = _cached(DOCS_PAGE, "text/html; charset=utf-8")
        self._page[1].update(
            {
                "content-security-policy": CONTENT_SECURITY_POLICY.decode(),
                "x-content-type-options": "nosniff",
                "referrer-policy": "no-referrer",
            }
        )

    def find(self, scope: Scope, app: str, path: str) -> Said | None:
        """Give the page at a path, if there is one."""
        if scope.get("method") not in _READING:
            return None
        if path == "/tapwater.js":
            return _fresh(scope, *self._script)
        if path == "/":
            return _fresh(scope, *self._page)
        if path == "/openapi.json":
            described = msgspec.json.encode(describe_services(self._table.endpoints, app=app))
            headers = {"content-type": "application/json", "cache-control": "no-cache"}
            return Said(200, headers, described)
        return None


def _cached(body: bytes, media: str) -> tuple[bytes, dict[str, str]]:
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    return body, {"content-type": media, "etag": etag, "cache-control": "no-cache"}


def _fresh(scope: Scope, body: bytes, headers: dict[str, str]) -> Said:
    """Say 304 to who has it already."""
    if headers["etag"] in headers_of(scope).get("if-none-match", ""):
        return Said(304, {name: headers[name] for name in headers if name != "content-type"})
    return Said(200, headers, body)
