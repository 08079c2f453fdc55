"""What an app says about its users, in ``[users]`` of tapwater.toml. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LETTERS = ("confirm", "reset", "change_email", "exists")
ISSUERS_MAX = 20
REDIRECTS_MAX = 50
_TEXT_LENGTH_MAX = 20_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcIssuer:
    """Somebody else who knows users: an OpenID Connect provider."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = ""  # the name of a secret of the app; "": a public client
    scopes: tuple[str, ...] = ("openid", "email", "profile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail in the app's own words. ``{link}``, ``{code}``, ``{app}``, ``{email}`` are put in."""

    subject: str = ""
    text: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """How people become users of an app."""

    sign_up: bool = True  # anybody may; else only who holds a token of the app makes users
    confirm: bool = False  # nobody signs in with an address that is not confirmed
    password_length_min: int = 8
    url: str = ""  # the app's own page for links in mails; "": ours
    redirects: tuple[str, ...] = ()  # where a sign-in elsewhere may end: addresses, whole
    oidc: Mapping[str, OidcIssuer] = field(default_factory=dict)
    mail: Mapping[str, Letter] = field(default_factory=dict)  # by LETTERS


class _Wrong(Exception):
    """A value that cannot be meant."""


def parse_accounts(raw: Mapping[str, Any]) -> tuple[AccountSettings, list[str]]:
    """Check the table. With complaints, the first of the pair is not to be used.

    >>> parse_accounts({"confirm": True})[0].confirm
    True
    >>> parse_accounts({"confirm": "yes"})[1]
    ['users.confirm: must be true or false']
    """
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for key, said in raw.items():
        reader = _READERS.get(key)
        if reader is None:
            complaints.append(f"users.{key}: there is no such key (there are: {_known()})")
            continue
        try:
            values[key] = reader(said)
        except _Wrong as wrong:
            complaints.append(f"users.{key}: {wrong}")
    return (AccountSettings() if complaints else AccountSettings(**values)), complaints


def is_web_address(text: str) -> bool:
    """Say whether it is an https address, or an http one of this machine, without a fragment.

    >>> is_web_address("https://shop.example/in"), is_web_address("http://shop.example/")
    (True, False)
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    near = host in _LOOPBACK or host.endswith(".localhost")
    right = parts.scheme == "https" or (parts.scheme == "http" and near)
    return right and bool(host) and not parts.fragment and not parts.username and text.isprintable()


def _known() -> str:
    return ", ".join(_READERS)


def _flag(said: Any) -> bool:
    if not isinstance(said, bool):
        raise _Wrong("must be true or false")
    return said


def _length(said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 8 <= said <= 128:
        raise _Wrong("must be a whole number from 8 to 128")
    return said


def _address(said: Any) -> str:
    if not isinstance(said, str) or not is_web_address(said):
        raise _Wrong(f"{said!r} is no https:// address (http:// only on this machine)")
    return said


def _addresses(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or len(said) > REDIRECTS_MAX:
        raise _Wrong(f"must be a list of addresses, {REDIRECTS_MAX} at most")
    return tuple(_address(one) for one in said)


def _letters(said: Any) -> Mapping[str, Letter]:
    found: dict[str, Letter] = {}
    for name, table in _table(said).items():
        if name not in LETTERS:
            raise _Wrong(f"there is no mail {name!r} (there are: {', '.join(LETTERS)})")
        for key, text in _table(table).items():
            if key not in ("subject", "text", "html") or not isinstance(text, str):
                raise _Wrong(f"{name}.{key}: a mail has texts: subject, text, html")
            if len(text) > _TEXT_LENGTH_MAX or (key == "subject" and not text.isprintable()):
                raise _Wrong(f"{name}.{key}: too long, or a subject of several lines")
        found[name] = Letter(**table)
    return found


def _issuers(said: Any) -> Mapping[str, OidcIssuer]:
    tables = _table(said)
    if len(tables) > ISSUERS_MAX:
        raise _Wrong(f"{ISSUERS_MAX} at most")
    return {name: _issuer(name, _table(table)) for name, table in tables.items()}


def _issuer(name: str, table: Mapping[str, Any]) -> OidcIssuer:
    if not _NAME.fullmatch(name):
        raise _Wrong(f"{name!r} must be lower-case letters, digits and dashes")
    strange = set(table) - {"issuer", "client_id", "client_secret", "scopes"}
    if strange:
        raise _Wrong(f"{name}: there is no key {sorted(strange)[0]!r}")
    client, secret = table.get("client_id"), table.get("client_secret", "")
    scopes = table.get("scopes", ["openid", "email", "profile"])
    if not isinstance(client, str) or not client:
        raise _Wrong(f"{name}.client_id: must be a text")
    if not isinstance(secret, str) or (secret and not _SECRET.fullmatch(secret)):
        raise _Wrong(f"{name}.client_secret: must be the name of a secret of the app")
    if not isinstance(scopes, list) or "openid" not in scopes:
        raise _Wrong(f'{name}.scopes: must be a list with "openid" in it')
    return OidcIssuer(
        name=name,
        issuer=_address(table.get("issuer")).rstrip("/"),
        client_id=client,
        client_secret=secret,
        scopes=tuple(map(str, scopes)),
    )


def _table(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise _Wrong("must be a table")
    return said


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "sign_up": _flag,
    "confirm": _flag,
    "password_length_min": _length,
    "url": _address,
    "redirects": _addresses,
    "oidc": _issuers,
    "mail": _letters,
}
