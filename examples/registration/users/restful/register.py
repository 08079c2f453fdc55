"""POST /users-api/register: check what a form says and keep it; all else follows from that."""

import hashlib
import re
import secrets

from tapwater import Form, Problem, Request, Response, docs
from tapwater.services.transport import ServiceError

from lib.pages import page

ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+\.[^@\s<>,]+")
VALID_S = 24 * 3600
SENT = "We have sent a link to {email}. It is good for a day."


def post(request: Request, name: str = Form(), email: str = Form()) -> Response:
    """Keep a registration that waits for its confirmation.

    Somebody who registers twice gets one mail; whether an address is known already is not told.
    """
    problems = complaints(name, email)
    if problems:
        raise Problem(422, "You cannot be registered like this.", problems=problems)
    email = email.strip().lower()
    registration = {
        "name": name.strip(),
        "email": email,
        "state": "waiting",
        "code": secrets.token_urlsafe(24),
        "site": f"{request.scheme}://{request.headers['host']}",
    }
    try:
        docs.create(f"registrations/{id_of(email)}", registration, ttl=VALID_S)
    except ServiceError as error:
        if error.code != "conflict":
            raise
    return page("Look into your mail", SENT.format(email=email), status=202)


def complaints(name: str, email: str) -> list[dict[str, str]]:
    """Say what is wrong with a form, field by field."""
    found = []
    if not 1 <= len(name.strip()) <= 100:
        found.append({"where": "form.name", "what": "must have 1 to 100 characters"})
    if len(email) > 254 or not ADDRESS.fullmatch(email.strip()):
        found.append({"where": "form.email", "what": "is no e-mail address"})
    return found


def id_of(email: str) -> str:
    """One address, one registration."""
    return hashlib.sha256(email.encode()).hexdigest()[:32]
