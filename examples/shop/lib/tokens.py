"""Signed claims: the shop remembers nothing, so what it must know again travels with the client."""

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

from tapwater import Context, HostRefused, Problem

TOKEN_LENGTH_MAX = 8192


def issue(claims: dict[str, Any], *, kind: str, valid_s: int, key: bytes) -> str:
    """Sign claims of one kind, such as "user": a token of one kind is none of another."""
    full = {**claims, "kind": kind, "until": int(time.time()) + valid_s}
    body = _encode(json.dumps(full, separators=(",", ":")).encode())
    return f"{body}.{_sign(body, key)}"


def read(token: str, *, kind: str, key: bytes) -> dict[str, Any]:
    """Give the claims of a token that is ours, of this kind, and still valid; else 401."""
    body, _, signature = token.partition(".")
    if len(token) > TOKEN_LENGTH_MAX or not hmac.compare_digest(
        signature.encode(), _sign(body, key).encode()
    ):
        raise Problem(401, f"This is no {kind} token of ours.", code="token")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if claims["kind"] != kind:
        raise Problem(401, f"This is a {claims['kind']} token, not a {kind} token.", code="token")
    if claims["until"] < time.time():
        raise Problem(401, f"This {kind} token is too old.", code="token")
    return claims


def signed_in(authorization: str, *, key: bytes) -> dict[str, Any]:
    """Give the user whose token is in an Authorization header; else 401."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Problem(
            401,
            "Register first, then send the token: Authorization: Bearer TOKEN.",
            code="token",
            headers={"www-authenticate": "Bearer"},
        )
    return read(token.strip(), kind="user", key=key)


def signing_key(ctx: Context) -> bytes:
    """The secret SIGNING_KEY; before there is one, the key for trying out."""
    try:
        return ctx.secret("SIGNING_KEY").encode()
    except HostRefused:
        return os.environ["TRYING_OUT_KEY"].encode()


def _sign(body: str, key: bytes) -> str:
    return _encode(hmac.digest(key, body.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
