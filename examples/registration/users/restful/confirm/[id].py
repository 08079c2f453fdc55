"""GET /users-api/confirm/{id}?code=…: the link in the mail."""

from hmac import compare_digest

from tapwater import Response, docs

from lib.pages import page


def get(id: str, code: str) -> Response:
    """Make a user of a registration. A second click says the same as the first."""
    registration = docs.collection("registrations").get(id)
    if registration is None or not compare_digest(registration["code"], code):
        return page("This link is not good", "It is too old, or it was cut short.", status=404)
    if registration["state"] != "confirmed":
        name, email = registration["name"], registration["email"]
        with docs.batch() as batch:
            batch.set(f"users/{id}", {"name": name, "email": email})
            batch.update(f"registrations/{id}", {"state": "confirmed"})
    return page("Welcome", f"{registration['name']}, your address is confirmed.")
