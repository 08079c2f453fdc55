"""On which host the dashboard lives, and where nobody may sign in. Pure.

A function answers with whatever page it likes, and pages of one origin can act for each other. The
default app answers on the bare host, so there its pages would share the dashboard's origin, and
could do what the person who is signed in may do. So the dashboard has a host on which no function
ever answers: ``tapwater.localhost`` where this machine is asked, or the setting ``dashboard_host``.
"""

from dataclasses import dataclass

from tapwater_server.web.places import leads_here

OWN_NAME = "tapwater"  # No app may have it.
OWN_HOST = f"{OWN_NAME}.localhost"
REFUSED = (
    "The app {app} answers here too, and its code could act in your name. Give the dashboard a "
    "host of its own (the setting dashboard_host), or accept it (dashboard_shared = true)."
)

ELSEWHERE = "The dashboard has a host of its own, {elsewhere}, where no app ever answers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """What was set. ``host``: "" or the dashboard's own; ``shared``: also where an app answers."""

    host: str = ""
    shared: bool = False

    def elsewhere(self, *, scheme: str, host: str) -> str:
        """Give the dashboard's own origin as whoever asks ``host`` can reach it; "": none.

        >>> Hosts().elsewhere(scheme="http", host="127.0.0.1:8080")
        'http://tapwater.localhost:8080'
        >>> Hosts().elsewhere(scheme="http", host="192.0.2.7:8080")
        ''
        >>> Hosts(host="tap.example").elsewhere(scheme="https", host="shop.example")
        'https://tap.example'
        """
        name, port = split_host(host)
        if leads_here(host):
            own = OWN_HOST
        elif self.host:
            own = self.host
        else:
            return ""
        return "" if own == name else f"{scheme}://{own}{port}"

    def refuses(self, app: str, *, scheme: str, host: str) -> str:
        """Say why nobody may sign in at ``host``, where ``app`` answers, or none; "": they may.

        Where there is a host of its own nobody signs in at another, also while no app answers
        there: of one that did, a service worker may have stayed and hear all that is typed.
        """
        if self.shared:
            return ""
        if app:
            return REFUSED.format(app=app)
        elsewhere = self.elsewhere(scheme=scheme, host=host)
        return ELSEWHERE.format(elsewhere=elsewhere) if elsewhere else ""


def split_host(host: str) -> tuple[str, str]:
    """Split a Host header into the name and ``:port``.

    >>> split_host("a.example:8080"), split_host("[::1]"), split_host("a.example")
    (('a.example', ':8080'), ('[::1]', ''), ('a.example', ''))
    """
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return name.lower().rstrip("."), f":{port}"
    return host.lower().rstrip("."), ""
