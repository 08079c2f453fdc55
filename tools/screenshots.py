"""Takes the pictures of docs/dashboard: `python -m tools.screenshots [NAME…]`.

A real platform with the demo shop and its traffic is started for it, and a real Chromium.
"""

import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.functional.browser.conftest import launched
from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform
from tests.functional.waiting import until
from tools import demo_shop

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "dashboard"
PICTURE_BYTES_MAX = 150_000
TAKEN_MS_MAX = 15_000
_DRAWN = """
async () => {
    const quiet = () => !document.querySelector("#main .skeleton, #main [aria-busy=true]");
    while (!quiet()) await new Promise((done) => requestAnimationFrame(done));
    await document.fonts.ready;
    await new Promise((done) => setTimeout(done, 1200));
    return true;
}
"""
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture: which page, how it is shown, and what is pressed before."""

    name: str
    place: str
    dark: bool = False
    phone: bool = False
    presses: str = ""
    height: int = 0  # of a page with so much text that its picture would be too large


SHOTS = (
    Shot(name="overview", place=""),
    Shot(name="overview-dark", place="", dark=True),
    Shot(name="overview-phone", place="", phone=True),
    Shot(name="apps", place="apps"),
    Shot(name="app", place="apps/shop"),
    Shot(name="function", place="apps/shop/functions/checkout/pay"),
    Shot(name="function-dark", place="apps/shop/functions/checkout/pay", dark=True),
    Shot(name="invocations", place="invocations", height=760),
    Shot(name="invocation", place="invocations/{invocation}"),
    Shot(name="logs", place="logs", height=620),
    Shot(name="logs-phone", place="logs", phone=True),
    Shot(name="traces", place="traces", height=700),
    Shot(name="trace", place="traces/{trace}"),
    Shot(name="trace-dark", place="traces/{trace}", dark=True),
    Shot(name="errors", place="errors"),
    Shot(name="error", place="errors/{fault}"),
    Shot(name="events", place="events"),
    Shot(name="events-phone", place="events", phone=True),
    Shot(name="deadletters", place="deadletters"),
    Shot(name="deadletter", place="deadletters", presses="orders/ship"),
    Shot(name="queues", place="queues"),
    Shot(name="queue", place="queues?queue=resize"),
    Shot(name="schedules", place="schedules"),
    Shot(name="schedule-new", place="schedules", presses="New schedule…"),
    Shot(name="documents", place="data/shop/documents/products"),
    Shot(name="document", place="data/shop/documents/products/kettle"),
    Shot(name="document-dark", place="data/shop/documents/products/kettle", dark=True),
    Shot(name="indexes", place="data/shop/documents"),
    Shot(name="blobs", place="data/shop/blobs/pictures?prefix=products/"),
    Shot(name="blob", place="data/shop/blobs/pictures?prefix=products/", presses="kettle.png"),
    Shot(name="users", place="data/shop/users"),
    Shot(name="users-phone", place="data/shop/users", phone=True),
    Shot(name="user", place="data/shop/users", presses="ada@example.com"),
    Shot(name="mail", place="data/shop/mail"),
    Shot(name="cache", place="data/shop/cache"),
    Shot(name="mqtt", place="data/shop/mqtt"),
    Shot(name="bills", place="bills?as=aws"),
    Shot(name="bills-dark", place="bills?as=aws", dark=True),
    Shot(name="budgets", place="budgets"),
    Shot(name="budgets-phone", place="budgets", phone=True),
    Shot(name="settings", place="settings"),
    Shot(name="system", place="system"),
    Shot(name="system-dark", place="system", dark=True),
)


def main(names: list[str]) -> int:
    """Take the pictures that are named, or all; 0 when each is there and small enough."""
    wanted = [shot for shot in SHOTS if not names or shot.name in names]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, launched() as browser:
        if browser is None:
            sys.exit("There is no Chromium on this machine: apt-get install chromium.")
        with Platform(Path(folder) / "data") as platform:
            known = play(platform)
            for shot in wanted:
                take(browser, platform, shot, known)
    large = [path for path in FOLDER.glob("*.png") if path.stat().st_size > PICTURE_BYTES_MAX]
    for path in large:
        print(f"{path.name} has {path.stat().st_size} bytes; at most {PICTURE_BYTES_MAX}")
    return 1 if large else 0


def play(platform: Platform) -> Mapping[str, str]:
    """Deploy the shop twice, let customers come; give the ids that addresses need."""
    platform.deploy(demo_shop.FILES, demo_shop.APP, note="the first")
    platform.deploy({**demo_shop.FILES, "news.txt": "new"}, demo_shop.APP, note="with news")
    demo_shop.fill(platform.api)
    demo_shop.visit(platform.api, platform.get)
    until(lambda: bool(_dead(platform)), "letters are dead")
    until(lambda: len(platform.records(function="orders/ship", app="shop")) > 50, "orders ship")
    paid = platform.records(function="checkout/pay", app="shop")
    failed = next(one for one in paid if one["ending"] != "ok")
    until(lambda: bool(_faults(platform)), "the errors are grouped")
    trace = next(one for one in paid if one["ending"] == "ok")["trace"]
    return {"invocation": failed["id"], "trace": trace, "fault": _faults(platform)[0]["id"]}


def _dead(platform: Platform) -> list[object]:
    found: list[object] = platform.api("GET", "/apps/shop/events/dead").json()["deliveries"]
    return found


def _faults(platform: Platform) -> list[dict[str, str]]:
    found: list[dict[str, str]] = platform.api("GET", "/faults").json()["faults"]
    return found


def take(browser: Browser, platform: Platform, shot: Shot, known: Mapping[str, str]) -> None:
    scheme = "dark" if shot.dark else "light"
    size = dict(PHONE if shot.phone else DESK)
    size["height"] = shot.height or size["height"]
    with at_desk(browser, platform, viewport=size, color_scheme=scheme) as desk:
        _show(desk, shot.place.format(**known))
        if shot.presses:
            desk.page.get_by_role("button", name=shot.presses, exact=True).first.click()
            desk.dialog.wait_for()
            desk.page.wait_for_load_state("networkidle", timeout=TAKEN_MS_MAX)
        path = FOLDER / f"{shot.name}.png"
        desk.page.screenshot(path=path, animations="disabled")
    print(f"{path.name}: {path.stat().st_size >> 10} KiB, {_size(path)}")


def _show(desk: Desk, place: str) -> None:
    desk.page.goto(desk.root + place)
    desk.page.locator("#main h1").first.wait_for()
    # Charts and lists that stay live never come to rest: what the first look showed is waited for.
    desk.page.wait_for_function(_DRAWN, timeout=TAKEN_MS_MAX)


def _size(path: Path) -> str:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return f"{width} x {height}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
