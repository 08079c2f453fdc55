"""Endpoints of the node itself, below ``/_/api/v1``: of all apps together, or of the machine.

They are lines of the same kind as a service's (``endpoint.py``), with ``who`` HOLDER, ADMIN or
ANYONE, and with ``Asked.app`` empty: a handler finds the apps it may speak of by these functions.
"""

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.web.asked import Asked

PREFIX = "/_/api/v1"


def app_in_path(asked: Asked) -> AppId:
    """The ``{app}`` of the path, if who asks may know of it.

    Raises:
        NotFound: they may not. There may be no such app either.
    """
    return _known(asked, asked.params["app"])


def app_in_query(asked: Asked) -> AppId | None:
    """The app asked for; None: all of them, which only an admin may see.

    Raises:
        NotFound: who asks may not know of it.
        Invalid: none is named, and the token is for several.
    """
    said = asked.text("app")
    if said is not None:
        return _known(asked, said)
    if asked.who.admin:
        return None
    if len(asked.who.apps) == 1:
        return next(iter(asked.who.apps))
    raise Invalid("say which app: this token is for several")


def _known(asked: Asked, said: str) -> AppId:
    app = parse_app_id(said)
    if not asked.who.may_deploy(app):
        raise NotFound(f"there is no app {app}")
    return app
