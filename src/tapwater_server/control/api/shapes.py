"""The JSON bodies of the API, as types: they are checked on the way in and documented."""

from typing import Any

import msgspec


class Weights(msgspec.Struct, forbid_unknown_fields=True):
    weights: dict[str, int]


class RollbackTo(msgspec.Struct, forbid_unknown_fields=True):
    to: int | None = None
    alias: str = "live"


class SecretValue(msgspec.Struct, forbid_unknown_fields=True):
    value: str


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    admin: bool = False
    apps: list[str] = []


class DefaultApp(msgspec.Struct, forbid_unknown_fields=True):
    app: str | None


class CallBody(msgspec.Struct, forbid_unknown_fields=True):
    method: str | None = None
    path: str | None = None
    params: dict[str, str] = {}
    query: str = ""
    headers: dict[str, str] = {}
    data: Any = msgspec.UNSET
    body_base64: str | None = None
    background: bool = False
    revision: int | str | None = None


class AppLine(msgspec.Struct):
    name: str
    functions: int
    aliases: dict[str, dict[str, int]]
    hosts: list[str]
    default: bool
    url: str
    note: str = ""  # of its live revision
    cloud: str = ""  # "aws": a function that was made by that cloud's tools


class Apps(msgspec.Struct):
    apps: list[AppLine]


class FunctionLine(msgspec.Struct):
    name: str
    kind: str
    style: str
    group: str
    file: str
    url: str | None
    verbs: list[str]
    trigger: dict[str, Any] | None
    triggers: list[dict[str, Any]]
    limits: dict[str, Any]
    auth: str | None
    egress: list[str]
    description: str
    warnings: list[str]
    foreign: dict[str, Any] | None = None  # of another cloud: its name, version, runtime, …


class RevisionLine(msgspec.Struct):
    id: str
    number: int
    created_at: float
    note: str
    python: str
    functions: list[FunctionLine]
    urls: list[str]
    preview: str
    aliases: dict[str, int]


class AppDetail(msgspec.Struct):
    name: str
    default: bool
    hosts: list[str]
    urls: list[str]
    aliases: dict[str, dict[str, int]]
    revision: RevisionLine


class Revisions(msgspec.Struct):
    revisions: list[RevisionLine]


class Aliases(msgspec.Struct):
    aliases: dict[str, dict[str, int]]


class Source(msgspec.Struct):
    function: str
    revision: int
    file: str
    text: str
    cut: bool


class Called(msgspec.Struct):
    invocation: str
    ending: str
    status: int
    headers: list[list[str]]
    usage: dict[str, Any]
    message: str = ""
    body: str | None = None
    body_base64: str | None = None


class Accepted(msgspec.Struct):
    id: str


class Background(msgspec.Struct):
    id: str
    app: str
    function: str
    state: str
    attempt: int
    published_at: float
    result: Any = None
    reason: str = ""


class Names(msgspec.Struct):
    secrets: list[str]


class TokenLine(msgspec.Struct):
    name: str
    admin: bool
    apps: list[str]


class TokenLines(msgspec.Struct):
    tokens: list[TokenLine]


class TokenText(msgspec.Struct):
    token: str


class Health(msgspec.Struct):
    status: str
    version: str
