"""A project: the unit of tenancy and bills. An app is in one: "default" if nobody said."""

import re
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId

DEFAULT = "default"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Apps that share bills and budgets."""

    name: str
    apps: tuple[AppId, ...] = ()


def parse_project(text: str) -> str:
    """Read a project's name.

    >>> parse_project("web-shop")
    'web-shop'

    Raises:
        Invalid: the text is no such name.
    """
    if not _NAME.fullmatch(text):
        raise Invalid(
            f"{text[:80]!r} is not a project's name: use lower-case letters, digits and inner "
            "dashes, 63 characters at most"
        )
    return text
