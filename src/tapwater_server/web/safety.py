"""How blobs of strangers are sent so that a browser does not take them for the app's own pages.

Blobs are served from the app's host. A page, picture or script that somebody uploaded must not
run there with the rights of the app's own: what a browser could run is offered as a download, in
a sandbox, and nothing is guessed about its type.
"""

from tapwater_server.model.blob import Blob
from tapwater_server.model.errors import NotAllowed

# Shown in place: a browser runs nothing of these, whoever wrote them.
_SHOWN = frozenset(
    {
        "application/json",
        "application/pdf",
        "application/octet-stream",
        "text/csv",
        "text/markdown",
        "text/plain",
    }
)
_SHOWN_KINDS = ("image/", "audio/", "video/", "font/")
_ACTIVE = frozenset({"image/svg+xml"})
# Chrome shows no PDF in a sandbox; its viewer has an origin of its own.
_UNBOXED = frozenset({"application/pdf"})
# Whether it is a download is nothing to a <script>, a web worker or a style sheet (Fetch, 2.2.7).
_RUNS = frozenset(
    {
        "audioworklet",
        "paintworklet",
        "script",
        "serviceworker",
        "sharedworker",
        "style",
        "worker",  # a web worker
        "xslt",
    }
)
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def boxed_headers(media_type: str) -> list[tuple[str, str]]:
    """Give the headers that keep whatever is shown from acting as the host that it comes from."""
    found = [("x-content-type-options", "nosniff")]
    if media_type.partition(";")[0].strip().lower() not in _UNBOXED:
        found.append(("content-security-policy", _SANDBOX))
    return found


def safe_headers(blob: Blob, *, disposition: str = "") -> dict[str, str]:
    """Give the headers that tame a blob. ``disposition`` is what a signed URL asks for."""
    media = blob.about.content_type.partition(";")[0].strip().lower()
    said = disposition or blob.about.content_disposition
    headers = {"x-content-type-options": "nosniff"}
    if not is_shown(media):
        said = _as_attachment(said)
        headers["vary"] = "sec-fetch-dest"  # See refuse_to_run: not out of a cache either.
    if said:
        headers["content-disposition"] = said
    if media not in _UNBOXED:
        headers["content-security-policy"] = _SANDBOX
    return headers


def refuse_to_run(destination: str) -> None:
    """Let no page run a blob as its own script. ``destination``: what Sec-Fetch-Dest says.

    Raises:
        NotAllowed: a browser wants it for that.
    """
    if destination.strip().lower() in _RUNS:
        raise NotAllowed(
            "what lies in a bucket is no script and no style of a page: put yours into the "
            "app's static files"
        )


def is_shown(media: str) -> bool:
    """Say whether a browser may show it in place.

    >>> is_shown("image/png"), is_shown("image/svg+xml"), is_shown("text/html")
    (True, False, False)
    """
    return media not in _ACTIVE and (media in _SHOWN or media.startswith(_SHOWN_KINDS))


def _as_attachment(said: str) -> str:
    """Keep the file name, and make it a download."""
    kind, semicolon, rest = said.partition(";")
    if kind.strip().lower() == "attachment":
        return said
    return f"attachment{semicolon}{rest}"
