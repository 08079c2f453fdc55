"""What is answered beside functions: the app's files, and the description of its API."""

from collections.abc import Callable
from functools import partial

from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.openapi import describe_group
from tapwater_server.gateway.sending import send_file
from tapwater_server.gateway.site import Compiled
from tapwater_server.gateway.tasks import Tasks
from tapwater_server.model.invocation import Headers
from tapwater_server.ports.invoker import Call
from tapwater_server.web.docs_page import CONTENT_SECURITY_POLICY, DOCS_PAGE

Plan = Callable[[Exchange], Call | None]
_READING = frozenset({b"GET", b"HEAD"})
_JSON: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache")]
_HTML: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"cache-control", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Pages:
    """Finds files and descriptions."""

    def __init__(self, *, tasks: Tasks) -> None:
        self._tasks = tasks

    def plan(self, exchange: Exchange, compiled: Compiled, path: str) -> Plan | None:
        """Give the plan for a file or a page at this path, if there is one."""
        if exchange.method not in _READING:
            return None
        if compiled.files is not None:
            file = compiled.files.find(path)
            if file is not None:
                return partial(send_file, file=file, tasks=self._tasks)
        return _description(compiled, path)


def _description(compiled: Compiled, path: str) -> Plan | None:
    folder, _, page = path.rpartition("/")
    if page not in ("openapi.json", "docs"):
        return None
    group = folder.removeprefix("/").removesuffix("-api")
    if group not in compiled.groups or (f"/{group}-api" if group else "") != folder:
        return None
    if compiled.routes.match(path) is not None:
        return None  # A mounted app (FastAPI) describes itself.
    if page == "docs":
        return partial(_say, headers=_HTML, whole=DOCS_PAGE)
    described = describe_group(compiled.revision, group, compiled.groups[group])
    return partial(_say, headers=_JSON, whole=described)


def _say(exchange: Exchange, *, headers: Headers, whole: bytes) -> None:
    exchange.say(200, headers, whole)
