"""Marks that say where a handler's argument comes from, when its name and type do not.

``Annotated[str, Header()]`` and ``agent: str = Header()`` mean the same. The functions are typed
as ``Any`` so that they may stand as the default of a parameter of any type.
"""

from dataclasses import dataclass
from typing import Any


class Missing:
    """The absence of a default."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where an argument comes from, under which name, and what it is if it is not there."""

    where: str  # "path", "query", "header", "cookie", "form" or "body"
    name: str = ""
    default: Any = MISSING


def Path(name: str = "") -> Any:
    """From the URL's path: ``users/[id].py`` gives ``id``."""
    return Mark(where="path", name=name)


def Query(name: str = "", *, default: Any = MISSING) -> Any:
    """From the query string."""
    return Mark(where="query", name=name, default=default)


def Header(name: str = "", *, default: Any = MISSING) -> Any:
    """From a header; the parameter ``x_request_id`` reads ``x-request-id``."""
    return Mark(where="header", name=name, default=default)


def Cookie(name: str = "", *, default: Any = MISSING) -> Any:
    """From a cookie."""
    return Mark(where="cookie", name=name, default=default)


def Form(name: str = "", *, default: Any = MISSING) -> Any:
    """From a field of a submitted form."""
    return Mark(where="form", name=name, default=default)


def Body(*, default: Any = MISSING) -> Any:
    """The body itself, as JSON of the annotated type."""
    return Mark(where="body", default=default)
