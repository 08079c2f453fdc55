"""Reads what came through our door: the head of a request, and the place that it was sent to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.checking import Head
from tapwater_server.clouds.aws.front.hosts import NOWHERE, Place, read_host

OWN = "/_/aws/"  # Places that a host name names, for who has no DNS: /_/aws/lambda-url/ID/path.
_BY_PATH = frozenset({"lambda-url", "execute-api", "cloudformation-response"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request's head. ``path`` is below the place; what was signed is ``head.path``."""

    head: Head
    path: str
    place: Place
    host: str

    @property
    def signed(self) -> bool:
        """Whether it has a signature of version 4."""
        said = self.head.headers.get("authorization", "")
        if said:
            return said.startswith("AWS4-")
        return "X-Amz-Signature=" in self.head.raw_query


def read_scope(scope: Mapping[str, Any], domains: Sequence[str]) -> Seen:
    """Read an ASGI scope.

    Raises:
        AwsError: the query cannot be read.
    """
    url = scope["raw_path"], scope["query_string"]
    return read_head(scope["method"], *url, scope["headers"], domains)


def read_head(
    method: str,
    path: bytes,
    query: bytes,
    headers_said: Sequence[tuple[bytes, bytes]],
    domains: Sequence[str],
) -> Seen:
    """Read the head of a request.

    Raises:
        AwsError: the query cannot be read.
    """
    headers = read_headers(headers_said)
    raw_query = query.decode("latin-1")
    head = Head(
        method=method,
        path=path.decode("latin-1"),
        raw_query=raw_query,
        query=read_query(raw_query) if raw_query else (),
        headers=headers,
    )
    host = headers.get("host", "")
    if head.path.startswith(OWN):
        place, below = _by_path(head.path)
        return Seen(head=head, path=below, place=place, host=host)
    return Seen(head=head, path=head.path, place=place_of(host, tuple(domains)), host=host)


@lru_cache(maxsize=1_024)
def place_of(host: str, domains: Sequence[str]) -> Place:
    """Read a Host header; a name that says nothing is nowhere in particular."""
    name = host.lower()
    if not name.endswith("]"):
        name = name.rpartition(":")[0] or name
    return read_host(name.rstrip("."), domains) or NOWHERE


def read_headers(said: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give the headers by name; those of one name are joined, as they are signed."""
    found: dict[str, str] = {}
    for raw_name, raw_value in said:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def read_query(raw: str) -> list[tuple[str, str]]:
    """Take a query apart, in order.

    >>> read_query("versioning&a=%20b")
    [('versioning', ''), ('a', ' b')]

    Raises:
        AwsError: it is not UTF-8.
    """
    try:
        return parse_qsl(raw, keep_blank_values=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.", 400) from None


def scope_service(seen: Seen) -> str:
    """Read the service out of a signature's scope, without reading the rest of it."""
    said = seen.head.headers.get("authorization", "")
    if said.startswith("AWS4-"):
        credential = said.partition("Credential=")[2].partition(",")[0]
    elif said.startswith("AWS "):
        return "s3"
    elif seen.head.raw_query:
        credential = dict(seen.head.query).get("X-Amz-Credential", "")
    else:
        return ""
    parts = credential.rsplit("/", 4)
    return parts[3] if len(parts) == 5 else ""


def _by_path(path: str) -> tuple[Place, str]:
    service, _, rest = path[len(OWN) :].partition("/")
    if service not in _BY_PATH:
        return NOWHERE, path
    named, _, below = rest.partition("/")
    return Place(service, named=named), f"/{below}"
