"""A platform with an app, spoken to over HTTP: the real half of each client's suite."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapwater.services.http_transport import HttpTransport
from tests.functional.running import Platform


@contextmanager
def shop_over_http(folder: Path) -> Iterator[HttpTransport]:
    """Start one with its data below ``folder``."""
    with Platform(folder / "data") as platform:
        platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")
        over_http = HttpTransport(platform.url, token=platform.token, app="shop")
        yield over_http
        over_http.close()
