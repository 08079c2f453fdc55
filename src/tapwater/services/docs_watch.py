"""Following documents from outside a function: server-sent events, and going on after a break."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater.services.ambient import Ambient, current
from tapwater.services.docs_values import Doc, read_doc
from tapwater.services.transport import Request, ServiceError, Transport


@dataclass(frozen=True)
class Change:
    """What happened: ``snapshot`` (all there is), ``added``, ``modified``, ``removed``.

    ``token`` leads on from here after a break.
    """

    kind: str
    token: str
    doc: Doc | None = None
    path: str = ""
    docs: list[Doc] = field(default_factory=list)  # of a snapshot


def watch_query(transport: Transport, asked: Mapping[str, Any], token: str) -> Iterator[Change]:
    """Follow a query."""
    given = {"query": json.dumps(asked), "token": token}
    return _watch(transport, Request(method="GET", path="/docs-live", query=_said(given)))


def watch_path(transport: Transport, path: str, token: str) -> Iterator[Change]:
    """Follow a document or a collection, by its quoted path."""
    given = {"subscribe": "true", "token": token}
    return _watch(transport, Request(method="GET", path=path, query=_said(given)))


def _said(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _watch(transport: Transport, request: Request) -> Iterator[Change]:
    """Follow; a break of the connection raises, and the last token leads on."""
    found = current() if isinstance(transport, Ambient) else transport
    open_stream = getattr(found, "open_stream", None)
    if open_stream is None:
        raise ServiceError(
            "documents are watched from outside: a function is told by a trigger, "
            "such as @on.document_written",
            code="not_possible",
            status=0,
        )
    with open_stream(request) as response:
        for event in _events(response):
            said = json.loads(event)
            if said["type"] == "closed":
                return
            change = _change(said)
            if change is not None:
                yield change


def _events(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line.startswith(b"data: "):
            yield line[6:]


def _change(said: Mapping[str, Any]) -> Change | None:
    kind, token = said["type"], said.get("token", "")
    if kind in {"alive", "resumed", "reset"}:
        return None
    if kind == "snapshot":
        return Change(kind, token, docs=[read_doc(each) for each in said["documents"]])
    if kind == "removed":
        return Change(kind, token, path=said["path"])
    doc = read_doc(said["document"])
    return Change(kind, token, doc=doc, path=doc.path)
