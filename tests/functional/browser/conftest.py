"""A real browser: Chromium, found on this machine, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.not_testable import CannotTest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
WAIT_MS_MAX = 15_000


def find_chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser | None]:
    path = find_chromium()
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser | None]:
    """One browser for the tests of a file."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser | None, cannot_test: CannotTest) -> Iterator[Page]:
    """A page of its own, with a storage of its own."""
    if chromium is None:
        cannot_test("there is no Chromium on this machine")
    context = chromium.new_context()
    context.set_default_timeout(WAIT_MS_MAX)
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert not errors, errors
