"""The inbox as a page: for `tapwater dev`, where mails do not leave the machine.

What is in a mail was written by anybody. It is shown as text, and its HTML in a frame that may run
nothing, load nothing and lead nowhere.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from tapwater_server.web.endpoint import Answer

_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #8883}}pre{{white-space:pre-wrap;overflow-wrap:anywhere;padding:1rem;
border:1px solid #8883}}iframe{{width:100%;height:30rem;border:1px solid #8883;background:#fff}}
</style></head><body>{body}</body></html>
"""


def listed(app: str, mails: Sequence[Mapping[str, Any]]) -> Answer:
    """All mails, newest first."""
    rows = "".join(
        f"<tr><td>{_when(one['accepted_at'])}</td><td>{escape(one['to'])}</td>"
        f'<td><a href="inbox/{escape(one["id"])}">{escape(one["subject"] or "(no subject)")}</a>'
        f"</td><td>{escape(one['stage'])}</td></tr>"
        for one in mails
    )
    table = f"<table><tr><th>when<th>to<th>subject<th>stage</tr>{rows}</table>"
    body = table if mails else "<p>No mail yet.</p>"
    return _page(f"Inbox of {app}", f"<h1>Inbox of {escape(app)}</h1>{body}")


def one(mail: Mapping[str, Any]) -> Answer:
    """One mail: its headers, its text, its HTML in a box."""
    headers = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in mail["headers"].items()
        if name.lower() in ("from", "to", "cc", "reply-to", "subject", "date")
    )
    parts = [f'<p><a href="../inbox">Inbox</a></p><table>{headers}</table>']
    if mail["text"]:
        parts.append(f"<pre>{escape(mail['text'])}</pre>")
    if mail["html"]:
        source = f"{escape(mail['id'])}/html"
        parts.append(f'<iframe sandbox="" title="the mail\'s HTML" src="{source}"></iframe>')
    for file in mail["attachments"]:
        name, kind = escape(file["name"]), escape(file["content_type"])
        parts.append(f"<p>Attached: {name} ({kind}, {file['size']} bytes)</p>")
    return _page(mail["subject"], "".join(parts))


def framed(html: str) -> Answer:
    """The HTML itself, for the frame."""
    return Answer(html.encode("utf-8", "replace"), 200, _headers(_FRAME_POLICY))


def _page(title: str, body: str) -> Answer:
    page = _PAGE.format(title=escape(title), body=body)
    return Answer(page.encode("utf-8", "replace"), 200, _headers(_PAGE_POLICY))


def _headers(policy: str) -> Mapping[str, str]:
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
