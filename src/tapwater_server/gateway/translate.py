"""HTTP to Invocation. Pure. (The way back is ``answer.py`` and ``errors.py``.)"""

import msgspec

from tapwater_server.gateway.errors import Refusal
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.proxies import Proxies
from tapwater_server.gateway.routing import Target
from tapwater_server.model.invocation import Headers
from tapwater_server.model.principal import Principal

_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}


def method_name(method: bytes) -> str:
    """Give a method's text; the parser has checked that it is a token."""
    return _METHODS.get(method) or method.decode("ascii")


def other_verb(method: str, target: Target) -> str:
    """Find what a function without this method does about it: HEAD is a GET whose body is left
    out; OPTIONS is answered by the door, ``""``.

    Raises:
        Refusal: nothing.
    """
    if method == "HEAD" and "GET" in target.verbs:
        return "GET"
    if method == "OPTIONS":
        return ""
    raise Refusal("method_not_allowed", "Not with this method.", (b"allow", target.allow))


def believe(exchange: Exchange, proxies: Proxies) -> None:
    """Take client, scheme and host from the headers of a proxy of ours."""
    seen = exchange.seen
    if b"x-forwarded-for" in seen:
        exchange.client = proxies.client(exchange.connection.client, seen[b"x-forwarded-for"])
    proto = seen.get(b"x-forwarded-proto", b"").lower()
    if proto in (b"http", b"https"):
        exchange.scheme = proto.decode()
    if b"x-forwarded-host" in seen:
        exchange.host = seen[b"x-forwarded-host"]


def retraced(headers: Headers, traceparent: bytes, *, known: bool) -> Headers:
    """Name the call itself where the client named itself: who reads the header in the function (an
    OpenTelemetry SDK, say) then follows the call. Of a trace that is none, nothing is passed on.

    >>> retraced([(b"traceparent", b"a"), (b"tracestate", b"b")], b"c", known=False)
    [(b'traceparent', b'c')]
    """
    kept = [
        pair
        for pair in headers
        if pair[0] != b"traceparent" and (known or pair[0] != b"tracestate")
    ]
    return [*kept, (b"traceparent", traceparent)]


def user_json(principal: Principal) -> bytes:
    """Say to the function who is asking."""
    if principal.user:
        said = {
            "id": principal.user,
            "name": principal.name,
            "email": principal.email,
            "email_verified": principal.email_verified,
            "roles": sorted(principal.roles),
            "claims": dict(principal.claims),
        }
        return msgspec.json.encode(said)
    return msgspec.json.encode(
        {"name": principal.name, "admin": principal.admin, "apps": sorted(principal.apps)}
    )
