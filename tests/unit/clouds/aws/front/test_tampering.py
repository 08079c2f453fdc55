"""A signed request that was changed anywhere is refused, or means what it meant."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from botocore.awsrequest import AWSRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.clouds.aws.front.kit import World, presigned, request_of, scope_of, signed

BARE = "http://127.0.0.1:8080"
AMZ = {"x-amz-meta-a": "b", "content-type": "text/plain"}
PIECES = ["/", "//", "/../", "/./", "%2F", "%25", "%", "+", " ", "&", "=", ";", "é", "\x00", "a"]
PIECES += ["&X-Amz-Signature=", "&versionId=1", "&X-Amz-Expires=-1", "X-Amz-Date=", ",", "\t", "2"]
WHERE = st.sampled_from(["method", "path", "query", "headers", "body"])


def requests() -> dict[str, AWSRequest]:
    put = request_of(f"{BARE}/photos/a%2Fb/c+d", method="PUT", body=b"cat", headers=dict(AMZ))
    send = request_of(BARE, method="POST", body=b"{}", headers={"x-amz-target": "AmazonSQS.X"})
    invoke = request_of(f"{BARE}/2015-03-31/functions/a%3Ab/x?Qualifier=1", method="POST")
    return {
        "header": signed(put, "s3"),
        "query": presigned(request_of(f"{BARE}/photos/cat.jpg?versionId=7&prefix=a%20b")),
        "json": signed(send, "sqs"),
        "rest": signed(invoke, "lambda"),
    }


@dataclass
class Sent:
    """A request as it goes over the line."""

    scope: dict[str, Any]
    body: bytes
    changed: list[str] = field(default_factory=list)

    def change(self, where: str, at: int, cut: int, piece: str) -> None:
        """Put a piece into one place, for so many characters of what was there."""
        if where == "body":
            self.body = put(self.body, at, cut, piece.encode())
        elif where == "method":
            self.scope["method"] = put(self.scope["method"].encode(), at, cut, b"T").decode()
        elif where == "headers":
            headers = self.scope["headers"]
            index = at % len(headers)
            name, value = headers[index]
            headers[index] = name, put(value, at // len(headers), cut, piece.encode())
        else:
            name = "raw_path" if where == "path" else "query_string"
            head = b"/" if where == "path" else b""
            rest = self.scope[name][len(head) :]
            self.scope[name] = head + put(rest, at, cut, piece.encode())


def put(data: bytes, at: int, cut: int, piece: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + piece + data[at + cut :]


def meaning(sent: Sent, *, s3: bool) -> Any:
    """What a service reads of it. What is signed twice encoded is tidied, too."""
    scope = sent.scope
    parts: list[bytes] = []
    for part in unquote_to_bytes(scope["raw_path"]).split(b"/"):
        if s3:
            parts.append(part)
        elif part == b"..":
            parts[-1:] = []
        elif part not in (b"", b"."):
            parts.append(part)
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    dropped = "X-Amz-Signature"
    headers = {
        name: b" ".join(value.split())
        for name, value in scope["headers"]
        if name.startswith((b"x-amz-", b"host"))
    }
    kept = sorted(pair for pair in query if pair[0] != dropped)
    presigned = any(name == dropped for name, _ in query)  # These sign no body, as at AWS.
    return scope["method"], parts, kept, headers, b"" if presigned else sent.body


@given(
    which=st.sampled_from(["header", "query", "json", "rest"]),
    changes=st.lists(
        st.tuples(WHERE, st.integers(0, 500), st.integers(0, 3), st.sampled_from(PIECES)),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_what_was_changed_is_refused(
    which: str, changes: list[tuple[str, int, int, str]]
) -> None:
    request, s3 = SIGNED[which], which in ("header", "query")
    sent = Sent(scope_of(request), request.data or b"")
    before = meaning(sent, s3=s3)
    for where, at, cut, piece in changes:
        sent.change(where, at, cut, piece)
    for service in WORLD.services.values():
        service.asked.clear()
    said = await WORLD.answer(sent.scope, sent.body)
    assert said.status in (501, *range(200, 500)), (said.status, said.body)
    known = [one for each in WORLD.services.values() for one in each.asked if one.caller.known]
    if said.status < 400 and known:
        assert meaning(sent, s3=s3) == before, sent.scope


WORLD, SIGNED = World(), requests()
