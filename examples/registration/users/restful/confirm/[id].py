"""GET /users-api/confirm/{id}?code=…: the link in the mail."""

import re
from hmac import compare_digest

from tapwater import Response, docs

from lib.pages import page

ID = re.compile(r"[0-9a-f]{32}")


def get(id: str, code: str) -> Response:
    """Make a user of a registration. A second click says the same as the first."""
    registration = docs.get(f"registrations/{id}") if ID.fullmatch(id) else None
    if registration is None or not same(registration["code"], code):
        return page("This link is not good", "It is too old, or it was cut short.", status=404)
    if registration["state"] != "confirmed":
        name, email = registration["name"], registration["email"]
        with docs.batch() as batch:
            batch.set(f"users/{id}", {"name": name, "email": email})
            batch.update(f"registrations/{id}", {"state": "confirmed"})
    return page("Welcome", f"{registration['name']}, your address is confirmed.")


def same(expected: str, given: str) -> bool:
    """Compare in the same time wherever the first difference is."""
    return compare_digest(expected.encode(), given.encode())
