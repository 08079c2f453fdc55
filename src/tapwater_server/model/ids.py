"""How the names of things look: apps, functions, revisions, instances, invocations."""

import re
from dataclasses import dataclass
from typing import NewType

from tapwater_server.model.errors import Invalid

AppId = NewType("AppId", str)
RevisionId = NewType("RevisionId", str)
InstanceId = NewType("InstanceId", str)
InvocationId = NewType("InvocationId", str)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_FUNCTION = re.compile(r"[A-Za-z0-9_.\[\]-]+(/[A-Za-z0-9_.\[\]-]+)*")
_FUNCTION_LENGTH_MAX = 200
RESERVED_APPS = frozenset({"tapwater"})  # Their hosts are the platform's own.


def parse_app_id(text: str) -> AppId:
    """Read an app's name: a DNS label (RFC 1035), so that it can be a host.

    >>> parse_app_id("shop")
    'shop'

    Raises:
        Invalid: the text is no such name.
    """
    if not _NAME.fullmatch(text):
        raise Invalid(
            f"{text!r} is not an app name: use lower-case letters, digits and inner dashes, "
            "63 characters at most",
        )
    return AppId(text)


@dataclass(frozen=True, slots=True, order=True)
class FunctionId:
    """A function of an app, whichever revision: ``shop:users/register``.

    ``name`` is ``<group>/<path in restful or reactive>``, or just the path where the app has no
    groups.
    """

    app: AppId
    name: str

    def __str__(self) -> str:
        return f"{self.app}:{self.name}"


def parse_function_id(text: str) -> FunctionId:
    """Read ``app:group/name``.

    >>> str(parse_function_id("shop:users/profile/[id]"))
    'shop:users/profile/[id]'

    Raises:
        Invalid: the text is no such name.
    """
    app, colon, name = text.partition(":")
    if not colon or len(name) > _FUNCTION_LENGTH_MAX or not _FUNCTION.fullmatch(name):
        raise Invalid(f"{text!r} is not a function: write app:group/name")
    return FunctionId(parse_app_id(app), name)
