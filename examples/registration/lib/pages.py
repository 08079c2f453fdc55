"""Small pages that say one thing."""

from html import escape

from tapwater import Response

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; }}</style>
<h1>{title}</h1>
<p>{text}</p>
</html>
"""


def page(title: str, text: str, *, status: int = 200) -> Response:
    """Say something to a person; what is said may come from anybody."""
    body = PAGE.format(title=escape(title), text=escape(text))
    return Response(body, status, {"content-type": "text/html; charset=utf-8"})
