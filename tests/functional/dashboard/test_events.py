"""The dashboard's pages of events, used as a person would: flow, letters, queues, schedules."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow

FILES = {
    "orders/reactive/ship.py": (
        "from tapwater import docs, on\n\n\n"
        '@on.event(type="order.*", retries=["10ms"])\n'
        "def ship(event):\n"
        '    if docs.get("doors/warehouse") is None:\n'
        "        raise RuntimeError(f\"the warehouse is closed for {event.data['order']}\")\n"
    ),
    "orders/reactive/nightly.py": (
        'from tapwater import on\n\n\n@on.schedule("0 3 * * *")\ndef nightly():\n    print("ran")\n'
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("desk") / "data") as running:
        running.deploy(FILES, "shop")
        yield running


@pytest.fixture
def desk(browser: Browser | None, shop: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, shop) as desk:
        yield desk


def dead(shop: Platform) -> int:
    found = shop.api("GET", "/apps/shop/events/dead").json()["deliveries"]
    return len(found)


def publish(shop: Platform, *orders: int) -> None:
    """Publish orders while the warehouse is closed, and wait until they are dead."""
    shop.api("DELETE", "/apps/shop/docs/doors/warehouse")
    before = dead(shop)
    for order in orders:
        event = {"specversion": "1.0", "id": f"o{order}-{before}", "source": "/test"}
        event |= {"type": "order.paid", "data": {"order": order}}  # type: ignore[dict-item]
        kind = {"content-type": "application/cloudevents+json"}
        shop.api("POST", "/apps/shop/events", json=event, headers=kind)
    until(lambda: dead(shop) == before + len(orders), "they are dead")


def open_warehouse(shop: Platform) -> None:
    shop.api("PUT", "/apps/shop/docs/doors/warehouse", json={"open": True})


def test_an_event_is_published_and_its_flow_seen(desk: Desk, shop: Platform) -> None:
    open_warehouse(shop)
    desk.open("events?app=shop", "Events")
    desk.button("Publish…").click()
    desk.fill(type="order.seen")
    desk.json("Data", '{"order": 1}')
    desk.press("Publish")
    expect(desk.row("order.seen")).to_be_visible()
    expect(desk.row("orders/ship")).to_contain_text("/min")
    desk.button("order.seen").click()
    expect(desk.dialog).to_contain_text('"order": 1')
    expect(desk.dialog.get_by_text("done")).to_be_visible()


def test_events_are_replayed_from_a_time(desk: Desk, shop: Platform) -> None:
    open_warehouse(shop)
    desk.open("events", "Events")
    desk.button("Publish…").click()
    desk.fill(type="order.again")
    desk.json("Data", '{"order": 2}')
    desk.press("Publish")
    desk.button("Replay…").click()
    desk.fill(type="order.again", function="orders/ship")
    desk.button("Replay", desk.dialog).click()
    expect(desk.dialog).to_contain_text("1 event made 1 delivery.")


def test_dead_letters_are_read_and_replayed(desk: Desk, shop: Platform) -> None:
    publish(shop, 7, 8)
    desk.open("deadletters", "Dead letters")
    expect(desk.page.get_by_role("row")).to_have_count(3)
    desk.row("closed for 7").get_by_role("button", name="orders/ship", exact=True).click()
    expect(desk.dialog).to_contain_text("RuntimeError: the warehouse is closed for 7")
    expect(desk.dialog.get_by_role("group", name="Payload")).to_contain_text('"order": 7')
    desk.page.keyboard.press("Escape")
    open_warehouse(shop)
    desk.row("closed for 7").get_by_role("checkbox").check()
    desk.button("Replay 1 letter").click()
    desk.told("1 letter is tried again.")
    desk.button("Replay all that fit").click()
    expect(desk.page.get_by_text("No dead letters", exact=True)).to_be_visible()
    until(lambda: dead(shop) == 0, "none is dead")


def test_dead_letters_that_a_filter_fits_are_dropped(desk: Desk, shop: Platform) -> None:
    publish(shop, 21, 22)
    desk.open("deadletters", "Dead letters")
    desk.page.get_by_role("searchbox", name="Reason has").fill("closed for 21")
    expect(desk.page.get_by_role("row")).to_have_count(2)
    desk.button("Drop all that fit…").click()
    expect(desk.dialog).to_contain_text("all dead letters whose reason has “closed for 21”")
    desk.button("Cancel", desk.dialog).click()
    assert dead(shop) == 2
    desk.button("Drop all that fit…").click()
    desk.press("Drop")
    desk.told("1 letter was dropped.")
    assert dead(shop) == 1
    shop.api("POST", "/apps/shop/events/dead/drop", json={"all": True})


def test_a_message_is_sent_peeked_at_and_dropped(desk: Desk, shop: Platform) -> None:
    desk.open("queues", "Queues and topics")
    desk.button("Send a message…").click()
    desk.fill(queue="jobs")
    desk.json("Message", '{"job": 1}')
    desk.press("Send")
    desk.page.get_by_role("link", name="jobs", exact=True).click()
    expect(desk.page.get_by_role("heading", level=1, name="jobs")).to_be_visible()
    desk.page.get_by_role("row").nth(1).get_by_role("button").click()
    expect(desk.dialog.get_by_role("group", name="Body")).to_contain_text('"job": 1')
    desk.page.keyboard.press("Escape")
    desk.button("Change…").click()
    desk.fill(attempts_max=9)
    desk.press("Save")
    settings = shop.api("GET", "/apps/shop/queues/jobs").json()["settings"]
    assert settings["attempts_max"] == 9
    desk.button("Empty…").click()
    expect(desk.dialog).to_contain_text("1 message that nobody has taken")
    desk.press("Empty")
    desk.told("jobs is empty.")
    assert shop.api("GET", "/apps/shop/queues/jobs/messages").json()["messages"] == []


def test_a_topic_reaches_a_queue(desk: Desk, shop: Platform) -> None:
    desk.open("queues", "Queues and topics")
    desk.button("Subscribe a queue…").click()
    desk.fill(topic="news", queue="paper")
    desk.press("Subscribe")
    desk.row("news").get_by_role("button", name="Publish…").click()
    desk.json("Message", '"hello"')
    desk.press("Publish")
    waiting = "/apps/shop/queues/paper/messages"
    assert len(shop.api("GET", waiting).json()["messages"]) == 1


def test_a_schedule_is_made_paused_and_removed(desk: Desk, shop: Platform) -> None:
    desk.open("schedules", "Schedules")
    desk.button("New schedule…").click()
    desk.fill(name="tidy", times="every x", target="queue:jobs")
    expect(desk.dialog.locator(".next-runs")).not_to_be_empty()
    desk.button("Save", desk.dialog).click()
    expect(desk.dialog.get_by_role("alert")).to_be_visible()
    desk.fill(times="0 4 * * *", zone="Europe/Berlin")
    expect(desk.dialog.locator(".next-runs")).to_contain_text("04:00")
    desk.press("Save")
    expect(desk.row("0 4 * * *")).to_be_visible()
    desk.button("Pause tidy").click()
    expect(desk.row("tidy")).to_contain_text("paused")
    desk.row("tidy").get_by_role("button", name="Run now").click()
    desk.told("tidy runs now.")
    desk.button("Remove tidy").click()
    desk.press("Remove")
    desk.told("tidy was removed.")
    assert shop.api("GET", "/apps/shop/schedules").json()["schedules"] == []


def test_a_function_with_a_schedule_is_run_now(desk: Desk, shop: Platform) -> None:
    desk.open("schedules", "Schedules")
    desk.row("orders/nightly").get_by_role("button", name="Run now").click()
    desk.told("orders/nightly runs now.")
    until(lambda: bool(shop.records(function="orders/nightly", app="shop")), "it ran")


def test_what_is_typed_outlives_live_news(desk: Desk, shop: Platform) -> None:
    desk.open("deadletters", "Dead letters")
    field = desk.page.get_by_role("searchbox", name="Reason has")
    field.fill("never")
    with desk.page.expect_response(lambda answer: "events/dead?" in answer.url):
        publish(shop, 31)
    expect(field).to_have_value("never")
    expect(field).to_be_focused()
