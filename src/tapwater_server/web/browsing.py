"""What a browser that is signed in sends along: a cookie, and a sign that our own page asks. Pure.

A cookie goes with every request to its host, whoever's page made the browser send it. So it counts
only together with a header that no page of another origin can send without being asked first, and
only if the browser itself says, where it says anything, that the page is of this origin. On a host
where an app answers, a page of that app is of this origin too: there no cookie counts.
"""

from collections.abc import Mapping
from typing import cast

from tapwater_server.model.ids import AppId
from tapwater_server.web.scope import DOOR, Door, Scope

OURS, OUR_PAGE = "x-tapwater", "dashboard"
SECRET_CHARS_MAX = 128


def app_there(scope: Scope) -> AppId:
    """The app whose functions answer on the host that was asked; "": none does."""
    return AppId(cast(Door, scope.get(DOOR, {})).get("app", ""))


def is_ours(headers: Mapping[str, str]) -> bool:
    """Say whether the dashboard's own page asks.

    >>> is_ours({"x-tapwater": "dashboard", "sec-fetch-site": "same-origin"})
    True
    >>> is_ours({"x-tapwater": "dashboard", "sec-fetch-site": "same-site"})
    False
    >>> is_ours({"x-tapwater": "dashboard", "host": "a:1", "origin": "http://b:1"})
    False
    """
    if headers.get(OURS) != OUR_PAGE:
        return False
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")  # Not sent with a GET of the same origin.
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


def cookie_name(scope: Scope, headers: Mapping[str, str]) -> str:
    """Name the session's cookie. Cookies do not know ports, so the name does.

    Over TLS the prefix makes the browser refuse one that another host or plain HTTP has set.
    """
    if scope.get("scheme") != "https":
        port = headers.get("host", "").rpartition(":")[2]
        return f"tapwater-{port if port.isdigit() else 80}"
    return "__Secure-tapwater" if app_there(scope) else "__Host-tapwater"


def cookie(scope: Scope, headers: Mapping[str, str], secret: str, *, lives_s: int) -> str:
    """Write the header that sets the session's cookie, or with ``lives_s`` 0 removes it."""
    name = cookie_name(scope, headers)
    # Below /_/ only, as functions of an app must not be sent it; a __Host- cookie has no choice.
    path = "/" if name.startswith("__Host-") else "/_/"
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{name}={secret}; Path={path}; Max-Age={lives_s}; HttpOnly; SameSite=Strict{secure}"


def secret_of(scope: Scope, headers: Mapping[str, str], *, shared: bool) -> str | None:
    """Read the session's secret, if it may count; ``shared``: also where an app answers."""
    said = headers.get("cookie")
    if said is None or scope["type"] != "http" or not is_ours(headers):
        return None
    if app_there(scope) and not shared:
        return None
    name = cookie_name(scope, headers)
    for pair in said.replace(",", ";").split(";"):
        found, equals, value = pair.strip().partition("=")
        if equals and found == name and len(value) <= SECRET_CHARS_MAX:
            return value
    return None
