"""The few pages of our own that links in mails lead to: no script, nothing from elsewhere.

A link only shows a button: programs that look at mails follow links, and would use the code up.
"""

from html import escape

from tapwater_server.model.errors import TapwaterError
from tapwater_server.web.endpoint import Answer
from tapwater_server.web.problems import problem

_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem}}
button,input{{font:inherit;padding:.5rem 1rem;margin:.25rem 0}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""


def say(title: str, text: str, *, status: int = 200) -> Answer:
    """A page with one sentence."""
    return _page(title, f"<p>{escape(text[:1].upper() + text[1:])}</p>", status=status)


def refuse(error: TapwaterError) -> Answer:
    """A page with what went wrong, for who is on the way with a browser and sees nothing else."""
    return say("That did not work", error.message, status=int(problem(error)["status"]))


def ask_to_confirm(code: str, *, action: str) -> Answer:
    """A page with one button."""
    return _page(
        "Confirm your address",
        f'<form method="post" action="{action}">{_hidden(code)}<button>Confirm</button></form>',
    )


def ask_for_password(code: str) -> Answer:
    """A page with one field."""
    return _page(
        "Choose a new password",
        f'<form method="post" action="reset/confirm">{_hidden(code)}'
        '<p><input type="password" name="password" autocomplete="new-password" required '
        'aria-label="New password"></p><button>Set it</button></form>',
    )


def _hidden(code: str) -> str:
    return f'<input type="hidden" name="code" value="{escape(code[:200], quote=True)}">'


def _page(title: str, body: str, *, status: int = 200) -> Answer:
    return Answer(_PAGE.format(title=escape(title), body=body).encode(), status, _HEADERS)
