"""The dashboard's files, as they are sent: read once, with an ETag each, under a strict policy."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from tapwater_server.web.dispatch import Said

INDEX = "index.html"
# The pages load nothing from elsewhere, no script or style stands in them, nothing may be made of
# text at run time, nobody may put them into a frame.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SAFE: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_PAGE: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_MEDIA: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Files:
    """Every file below ``static/``, by its path there."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[bytes, Mapping[str, str]]] | None = None

    def find(self, name: str, *, known: str) -> Said | None:
        """Give a file, or 304 to who has it already; ``known``: the If-None-Match header."""
        if self._held is None:  # At the first look: most starts of a node are not followed by one.
            self._held = {name: _prepared(name, file) for name, file in _walk(_folder(), "")}
        held = self._held.get(name)
        if held is None:
            return None
        body, headers = held
        if headers["etag"] in known:
            return Said(304, headers)
        return Said(200, headers, body)


def _folder() -> Traversable:
    return files("tapwater_server.dashboard").joinpath("static")


def _walk(folder: Traversable, above: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _walk(one, f"{above}{one.name}/")
        elif "." + one.name.rpartition(".")[2] in _MEDIA:
            found.append((f"{above}{one.name}", one))
    return found


def _prepared(name: str, file: Traversable) -> tuple[bytes, Mapping[str, str]]:
    body, ending = file.read_bytes(), "." + name.rpartition(".")[2]
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"content-type": _MEDIA[ending], "etag": etag, "cache-control": "no-cache", **SAFE}
    return body, {**headers, **_PAGE} if ending == ".html" else headers
