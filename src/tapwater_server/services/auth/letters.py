"""The mails of this service: our words, or the app's own. Pure."""

from collections.abc import Mapping
from html import escape

from tapwater_server.model.accounts import AccountSettings, Letter
from tapwater_server.model.letter import Draft

WORDS: Mapping[str, Letter] = {
    "confirm": Letter(
        subject="Confirm your address for {app}",
        text=(
            "Somebody, hopefully you, signed up for {app} with this address.\n\n"
            "To confirm it, {how}\n\n"
            "It works once, for a day. If it was not you, do nothing.\n"
        ),
    ),
    "exists": Letter(
        subject="You have an account at {app} already",
        text=(
            "Somebody, hopefully you, tried to sign up for {app} with this address. It has an\n"
            "account already: sign in with it, or ask for a new password.\n\n"
            "If it was not you, do nothing.\n"
        ),
    ),
    "reset": Letter(
        subject="A new password for {app}",
        text=(
            "Somebody, hopefully you, asked for a new password for {app}.\n\n"
            "To choose one, {how}\n\n"
            "It works once, for an hour. If it was not you, do nothing: your password stays.\n"
        ),
    ),
    "change_email": Letter(
        subject="Confirm your new address for {app}",
        text=(
            "Somebody, hopefully you, wants to use this address for their account at {app}.\n\n"
            "To confirm it, {how}\n\n"
            "It works once, for an hour. If it was not you, do nothing.\n"
        ),
    ),
}
_BY_LINK = "open\n\n    {link}\n\nor give this code where you are asked for one:\n\n    {code}"
_BY_CODE = "give this code where you are asked for one:\n\n    {code}"
PATHS = {"confirm": "confirm", "reset": "reset", "change_email": "change-email"}


def write(
    kind: str, *, app: str, email: str, code: str, auth_url: str, settings: AccountSettings
) -> Draft:
    """Write one of the mails. ``auth_url`` is empty where nobody knows what leads to the app."""
    own = settings.mail.get(kind, Letter())
    link = link_to(kind, code=code, auth_url=auth_url, page=settings.url)
    how = fill(_BY_LINK if link else _BY_CODE, {"link": link, "code": code})
    values = {"app": app, "email": email, "code": code, "link": link, "how": how}
    shown = {name: escape(value) for name, value in values.items()}
    return Draft(
        to=(email,),
        subject=fill(own.subject or WORDS[kind].subject, values),
        text=fill(own.text or WORDS[kind].text, values),
        html=fill(own.html, shown),
    )


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in; other braces stay what they are.

    >>> fill("{app}: {code} {x}", {"app": "shop", "code": "7"})
    'shop: 7 {x}'
    """
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def link_to(kind: str, *, code: str, auth_url: str, page: str) -> str:
    """Where the link of a mail leads: the app's own page if it has one, else ours, or nowhere."""
    if not code or not (page or auth_url):
        return page or auth_url
    if not page:
        return f"{auth_url}/{PATHS[kind]}?code={code}"
    return f"{page}{'&' if '?' in page else '?'}do={PATHS[kind]}&code={code}"
