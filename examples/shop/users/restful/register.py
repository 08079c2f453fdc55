"""POST /users-api/register: a new customer gets a token that says who they are."""

import hashlib
import re
from dataclasses import dataclass

from tapwater import Context, Problem, Response

from lib import tokens

VALID_S = 7 * 24 * 3600
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass
class Registration:
    """What somebody tells us of themselves."""

    name: str
    email: str


def post(registration: Registration, ctx: Context) -> Response:
    """Register. The same address gets the same id, whichever instance answers."""
    problems = complaints(registration)
    if problems:
        raise Problem(422, "You cannot be registered like this.", problems=problems)
    email = registration.email.lower()
    user = {
        "id": hashlib.sha256(email.encode()).hexdigest()[:12],
        "name": registration.name.strip(),
        "email": email,
    }
    token = tokens.issue(user, kind="user", valid_s=VALID_S, key=tokens.signing_key(ctx))
    return Response({**user, "token": token}, 201, {"location": f"/users-api/profile/{user['id']}"})


def complaints(registration: Registration) -> list[dict[str, str]]:
    """Say what types cannot say: names are not empty, addresses look like some."""
    found = []
    if not registration.name.strip():
        found.append({"where": "body.name", "what": "is empty"})
    if not ADDRESS.fullmatch(registration.email):
        found.append({"where": "body.email", "what": "is no e-mail address"})
    return found
