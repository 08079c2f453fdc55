"""Where a client finds an app again: the beginning of links in letters, tokens and answers. Pure.

The Host header is whatever the client says. Who asks for a new password in somebody else's name
must not choose where the letter's link leads. So where an app names its hosts, only those count.
"""

from collections.abc import Sequence
from ipaddress import ip_address

OWN_ROOT = "/_/v1"


def place_of(*, scheme: str, host: str, root: str, hosts: Sequence[str]) -> tuple[str, str]:
    """Give scheme and host, and what stands before a service's path there.

    >>> place_of(scheme="http", host="evil.example", root="/_/v1", hosts=["shop.example"])
    ('https://shop.example', '/_/v1')
    >>> place_of(scheme="http", host="localhost:8080", root="/_/v1", hosts=["shop.example"])
    ('http://localhost:8080', '/_/v1')
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.lower().rstrip(".")
    if not hosts or name in hosts or _is_here(name):
        return f"{scheme}://{host}", root
    return f"https://{hosts[0]}", OWN_ROOT


def _is_here(name: str) -> bool:
    """Names that lead whoever follows them to their own machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
