"""How a page is looked at: with axe, by its width, and for whatever it complains of."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, ViewportSize, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform

AXE = files("axe_core_python").joinpath("axe.min.js").read_text()
DESK = ViewportSize(width=1360, height=900)
PHONE = ViewportSize(width=390, height=780)
_RUN = "() => axe.run(document, { resultTypes: ['violations'] })"
_TELL = """
document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


@contextmanager
def looking(
    browser: Browser, platform: Platform, *, scheme: str = "light", phone: bool = False
) -> Iterator[Desk]:
    """A tab in which violations of the content security policy are errors."""
    size = PHONE if phone else DESK
    options: dict[str, Any] = {
        "viewport": size,
        "color_scheme": scheme,
        "reduced_motion": "reduce",
        "has_touch": phone,
    }
    with at_desk(browser, platform, **options) as desk:
        desk.page.add_init_script(_TELL)
        yield desk


def show(desk: Desk, place: str) -> None:
    """Open a page and wait until it has its heading and nothing of it is loading any more."""
    desk.page.goto(desk.root + place)
    expect(desk.page.locator("#main h1")).to_have_count(1)
    expect(desk.page.locator("#main .skeleton")).to_have_count(0)
    expect(desk.page.locator("#main .problem[role=alert]")).to_have_count(0)


def violations(desk: Desk) -> list[str]:
    """What axe finds wrong with the page as it is now; axe itself is no part of the page."""
    desk.page.evaluate(AXE)
    found: dict[str, Any] = desk.page.evaluate(_RUN)
    return [
        f"{one['id']}: {node['html'][:160]} {json.dumps(node['failureSummary'])[:240]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def overflow(desk: Desk) -> int:
    """By how many pixels the page is wider than the window."""
    return int(
        desk.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    )
