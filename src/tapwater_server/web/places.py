"""Where a client finds an app again: the beginning of links in letters, tokens and answers. Pure.

The Host header is whatever the client says. Who asks for a new password in somebody else's name
must not choose where the letter's link leads. So where an app names its hosts, only those count.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

OWN_ROOT = "/_/v1"
_HOSTS_MAX = 256  # Remembered: whoever sends others has them read each time.


def place_of(*, scheme: str, host: str, root: str, hosts: Sequence[str]) -> tuple[str, str]:
    """Give scheme and host, and what stands before a service's path there.

    >>> place_of(scheme="http", host="evil.example", root="/_/v1", hosts=["shop.example"])
    ('https://shop.example', '/_/v1')
    >>> place_of(scheme="http", host="localhost:8080", root="/_/v1", hosts=["shop.example"])
    ('http://localhost:8080', '/_/v1')
    """
    if not hosts or _name(host) in hosts or leads_here(host):
        return f"{scheme}://{host}", root
    return f"https://{hosts[0]}", OWN_ROOT


def _name(host: str) -> str:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.lower().rstrip(".")


@lru_cache(maxsize=_HOSTS_MAX)  # Asked for each request, of a few hosts.
def leads_here(host: str) -> bool:
    """Say whether a host leads whoever follows it to their own machine.

    >>> leads_here("localhost:8080"), leads_here("shop.example")
    (True, False)
    """
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
