"""Somebody at the dashboard: a browser that is signed in, and what a person does with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.functional.running import Platform

WAIT_MS_MAX = 15_000
_SIGN_IN = """
async (token) => {
    const answer = await fetch("/_/session", {
        method: "POST",
        headers: { "content-type": "application/json", "x-tapwater": "dashboard" },
        body: JSON.stringify({ token }),
    });
    return answer.status;
}
"""


class Desk:
    """One tab of the dashboard. Whatever the page says on its console as an error is kept."""

    def __init__(self, page: Page, platform: Platform) -> None:
        self.page = page
        self.root = f"http://tapwater.localhost:{platform.port}/_/"
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self._heard(said.type, said.text))

    def _heard(self, kind: str, text: str) -> None:
        # A browser reports each answer of 4xx by itself; that the page says it is tested elsewhere.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.errors.append(text)

    def sign_in(self, token: str) -> None:
        self.page.goto(self.root)
        assert self.page.evaluate(_SIGN_IN, token) == 200

    def open(self, place: str, heading: str) -> None:
        """Open a page and wait for its heading."""
        self.page.goto(self.root + place)
        expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_visible()

    def button(self, name: str, within: Locator | None = None) -> Locator:
        place = within or self.page
        return place.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def fill(self, **values: Any) -> None:
        """Fill the fields of the open dialog, by the names they are sent under."""
        for name, value in values.items():
            field = self.dialog.locator(f"[name={name}]")
            if isinstance(value, bool):
                field.set_checked(value)
            elif field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(str(value))

    def json(self, label: str, text: str) -> None:
        """Write into a field of JSON."""
        self.page.get_by_role("textbox", name=label, exact=True).fill(text)

    def press(self, name: str) -> None:
        """Press a button of the open dialog and wait until the dialog is gone."""
        self.button(name, self.dialog).click()
        expect(self.dialog).to_have_count(0)

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    def told(self, text: str) -> None:
        """Wait for a short piece of news."""
        expect(self.page.locator("#toasts")).to_contain_text(text)


@contextmanager
def at_desk(
    browser: Browser, platform: Platform, *, token: str = "", **options: Any
) -> Iterator[Desk]:
    """A tab of its own with a session of its own; in the end it must have had no errors."""
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT_MS_MAX)
    desk = Desk(context.new_page(), platform)
    desk.sign_in(token or platform.token)
    yield desk
    context.close()
    assert not desk.errors, desk.errors
