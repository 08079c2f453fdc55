"""E-mail addresses: how they look, and when two are the same. Pure."""

import re
import unicodedata

from tapwater_server.model.errors import Invalid

ADDRESS_LENGTH_MAX = 254  # RFC 5321, 4.5.3.1.3
_LOCAL_LENGTH_MAX = 64
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")  # Few servers take anything else.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def parse_address(text: str) -> str:
    """Read an address and write it in its one form: all in lower case, the domain in ASCII.

    Letter case before the "@" means nothing to any provider, and two users whose addresses differ
    by it would be one person twice.

    >>> parse_address(" Ada@Example.COM ")
    'ada@example.com'

    Raises:
        Invalid: it is no address that mail can be sent to.
    """
    said = unicodedata.normalize("NFKC", text).strip()
    local, at, domain = said.rpartition("@")
    if not at or len(said) > ADDRESS_LENGTH_MAX or len(local) > _LOCAL_LENGTH_MAX:
        raise _wrong(text)
    if not all(_LOCAL.fullmatch(part) for part in local.split(".")):
        raise _wrong(text)
    return f"{local.lower()}@{_domain(domain, text)}"


def _domain(domain: str, text: str) -> str:
    try:
        plain = domain.encode("idna").decode().lower()
        # "straße.de" and "strasse.de" are two owners' names, and this codec takes them for one.
        same = domain.isascii() or plain.encode().decode("idna") == domain.lower()
    except UnicodeError:
        raise _wrong(text) from None
    if not same or not plain or not all(_LABEL.fullmatch(label) for label in plain.split(".")):
        raise _wrong(text)
    return plain


def _wrong(text: str) -> Invalid:
    return Invalid(f"{text[:64]!r} is not an e-mail address")
