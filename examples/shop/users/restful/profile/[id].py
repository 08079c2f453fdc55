"""GET /users-api/profile/{id}: what a token says of its holder. Nobody else's profile is found."""

from typing import Any

from tapwater import Context, Header, Problem

from lib import tokens


def get(id: str, ctx: Context, authorization: str = Header(default="")) -> dict[str, Any]:
    """Show a profile to the one it belongs to."""
    user = tokens.signed_in(authorization, key=tokens.signing_key(ctx))
    if user["id"] != id:
        raise Problem(404, "There is no such profile.")
    return {"id": user["id"], "name": user["name"], "email": user["email"]}
