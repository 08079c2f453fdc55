"""Addresses of servers for mail: ``smtp://user:password@mail.example:587``. Pure."""

from urllib.parse import unquote, urlsplit

from tapwater_server.model.errors import Invalid
from tapwater_server.ports.mail import Server

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_TLS = {"smtp": "starttls", "smtps": "implicit", "smtp+plain": "none"}


def read_server(url: str, *, own_network: bool) -> Server:
    """Read the address of a server. ``smtp`` insists on STARTTLS, ``smtps`` is TLS from the start,
    ``smtp+plain`` is neither and carries no password.

    >>> read_server("smtps://mail.example", own_network=False).port
    465

    Raises:
        Invalid: it is none. The message does not repeat it: there may be a password in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("the address of the mail server cannot be read") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise Invalid(
            "the address of a mail server is smtp://user:password@host:587 (with STARTTLS), "
            "smtps://… (TLS) or smtp+plain://host:25 (neither)"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if _TLS[parts.scheme] == "none" and password:
        raise Invalid("smtp+plain:// would send the password for everybody to read: use smtp://")
    return Server(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=user,
        password=password,
        tls=_TLS[parts.scheme],
        own_network=own_network,
    )
