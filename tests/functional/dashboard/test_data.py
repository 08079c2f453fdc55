"""The dashboard's pages of data, used as a person would: documents, blobs, users, mail, cache."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.functional.dashboard.desk import Desk, at_desk
from tests.functional.running import Platform
from tests.not_testable import CannotTest
from tools.demo_shop import picture

pytestmark = pytest.mark.slow

FILES = {
    "tapwater.toml": "[users]\nconfirm = false\n",
    "main/restful/hello.py": "def get():\n    return 'hello'\n",
}
HOSTILE = '<b>100% & "x"? #1;é'
A_PAGE = "<script>document.title = 'taken'</script><h1>mine</h1>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("desk") / "data") as running:
        running.deploy(FILES, "shop")
        for number in range(3):
            kettle = {"name": f"Kettle {number}", "stock": number}
            running.api("PUT", f"/apps/shop/docs/products/k{number}", json=kettle)
        running.api("PUT", "/apps/shop/blobs/pictures", json={})
        running.api("PUT", "/apps/shop/cache/greeting", json={"value": "hello"})
        mail = {"to": "ada@example.com", "subject": "Hello", "html": A_PAGE}
        running.api("POST", "/apps/shop/mail", json=mail)
        yield running


@pytest.fixture
def desk(browser: Browser | None, shop: Platform, cannot_test: CannotTest) -> Iterator[Desk]:
    if browser is None:
        cannot_test("there is no Chromium on this machine")
    with at_desk(browser, shop) as desk:
        yield desk


def document(shop: Platform, path: str) -> dict[str, object]:
    found: dict[str, object] = shop.api("GET", f"/apps/shop/docs/{path}").json()["data"]
    return found


def test_a_document_is_found_and_edited(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/documents", "Documents")
    desk.page.get_by_role("link", name="products").click()
    desk.page.get_by_role("textbox", name="Where").fill("stock>1")
    desk.button("Find").click()
    expect(desk.page.get_by_text("1 document", exact=True)).to_be_visible()
    desk.page.get_by_role("link", name="k2").click()
    expect(desk.page.get_by_role("heading", level=1, name="k2")).to_be_visible()

    desk.json("Data", '{"name": "Kettle 2",\n "stock": }')
    expect(desk.page.get_by_text("Line 2, column 11")).to_be_visible()
    desk.button("Save").click()
    assert document(shop, "products/k2") == {"name": "Kettle 2", "stock": 2}

    desk.json("Data", '{"name": "Kettle 2", "stock": 40}')
    desk.page.get_by_role("textbox", name="Data").press("Control+Enter")
    desk.told("Saved.")
    assert document(shop, "products/k2") == {"name": "Kettle 2", "stock": 40}


def test_what_another_has_written_is_not_lost(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/documents/products/k1", "k1")
    shop.api("PUT", "/apps/shop/docs/products/k1", json={"by": "another"})
    desk.json("Data", '{"by": "me"}')
    desk.button("Save").click()
    expect(desk.page.get_by_text("Somebody has written this document")).to_be_visible()
    assert document(shop, "products/k1") == {"by": "another"}
    desk.button("Write over it").click()
    desk.told("Saved.")
    assert document(shop, "products/k1") == {"by": "me"}


def test_documents_are_made_deleted_and_moved_as_a_file(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/documents/letters", "letters")
    for id in ("one", "two"):
        desk.button("New document…").click()
        desk.fill(id=id)
        desk.json("Data", json.dumps({"id": id}))
        desk.press("Create")
    expect(desk.row("one")).to_be_visible()
    with desk.page.expect_download() as downloading:
        desk.button("Export").click()
    lines = downloading.value.path().read_text().splitlines()
    assert {json.loads(line)["data"]["id"] for line in lines} == {"one", "two"}

    desk.page.get_by_role("checkbox", name="Tick one").check()
    desk.button("Delete 1 document…").click()
    expect(desk.dialog).to_contain_text("Delete 1 document?")
    desk.press("Delete")
    desk.told("Deleted 1 document.")
    expect(desk.row("one")).to_have_count(0)
    assert shop.api("GET", "/apps/shop/docs/letters/two").status_code == 200
    assert shop.api("GET", "/apps/shop/docs/letters/one").status_code == 404

    desk.open("data/shop/documents", "Documents")
    with desk.page.expect_file_chooser() as choosing:
        desk.button("Import…").click()
    choosing.value.set_files(downloading.value.path())
    desk.told("2 documents were written.")
    assert shop.api("GET", "/apps/shop/docs/letters/one").status_code == 200


def test_an_index_is_made_and_dropped(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/documents", "Documents")
    desk.button("New index…").click()
    desk.fill(collection="products", fields="stock, -name")
    desk.press("Make it")
    expect(desk.row("stock, -name")).to_be_visible()
    desk.button("Drop the index products:stock,-name").click()
    desk.press("Drop")
    desk.told("The index was dropped.")
    assert shop.api("GET", "/apps/shop/docs-indexes").json()["indexes"] == []


def test_blobs_are_uploaded_looked_at_and_deleted(
    desk: Desk, shop: Platform, tmp_path: Path
) -> None:
    drop, page = tmp_path / "drop.png", tmp_path / "page.html"
    drop.write_bytes(picture(32, 3))
    page.write_text(A_PAGE)
    desk.open("data/shop/blobs/pictures", "pictures")
    with desk.page.expect_file_chooser() as choosing:
        desk.button("Upload…").click()
    choosing.value.set_files([drop, page])
    desk.told("2 files were uploaded.")
    facts = shop.api("GET", "/apps/shop/blobs/pictures/drop.png", params={"facts": "true"}).json()
    assert (facts["size"], facts["content_type"]) == (drop.stat().st_size, "image/png")

    desk.button("drop.png").click()
    image = desk.dialog.get_by_role("img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    desk.page.keyboard.press("Escape")

    desk.button("page.html").click()
    expect(desk.dialog.get_by_role("group", name="Text of page.html")).to_have_text(A_PAGE)
    assert desk.page.title() != "taken"
    assert desk.page.locator("iframe, h1:has-text('mine')").count() == 0
    with desk.page.expect_download() as downloading:
        desk.button("Download", desk.dialog).click()
    assert downloading.value.path().read_text() == A_PAGE
    desk.button("Delete…", desk.dialog).click()
    expect(desk.dialog).to_contain_text("page.html")
    desk.press("Delete")
    desk.told("Deleted page.html.")
    assert shop.api("GET", "/apps/shop/blobs/pictures/page.html").status_code == 404


def test_hostile_names_and_texts_are_only_texts(desk: Desk, shop: Platform) -> None:
    evil = "<img src=x onerror=\"document.title='taken'\">"
    shop.api("PUT", f"/apps/shop/docs/odd/{quote(HOSTILE)}", json={"says": evil, evil: 1})
    kind = {"content-type": "image/svg+xml"}
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'>{evil}</svg>"
    put = f"/apps/shop/blobs/pictures/{quote(HOSTILE)}"
    assert shop.api("PUT", put, content=picture, headers=kind).is_success

    desk.open("data/shop/documents/odd", "odd")
    desk.page.get_by_role("link", name=HOSTILE, exact=True).click()
    expect(desk.page.get_by_role("heading", level=1, name=HOSTILE, exact=True)).to_be_visible()
    expect(desk.page.get_by_role("textbox", name="Data")).to_have_value(re.compile("onerror"))

    desk.open("data/shop/blobs/pictures", "pictures")
    desk.button(HOSTILE).click()
    expect(desk.dialog.locator(".blob-preview pre")).to_have_text(picture)
    assert desk.page.locator("#main img, .blob-preview svg, .blob-preview img").count() == 0
    desk.button("Delete…", desk.dialog).click()
    desk.press("Delete")
    desk.told(f"Deleted {HOSTILE}.")
    assert desk.page.title() != "taken"
    assert shop.api("GET", put).status_code == 404


def test_a_user_is_made_changed_and_deleted(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/users", "Users")
    desk.button("New user…").click()
    desk.fill(email="ada@example.com", password="a long password", roles="staff, editor")
    desk.press("Make them")
    desk.button("ada@example.com").click()
    desk.fill(roles="staff", disabled=True)
    desk.press("Save")
    user = shop.api("GET", "/apps/shop/users/ada@example.com").json()
    assert (user["roles"], user["disabled"]) == (["staff"], True)
    desk.button("ada@example.com").click()
    desk.button("Delete…", desk.dialog).click()
    desk.press("Delete")
    desk.told("ada@example.com was deleted.")
    assert shop.api("GET", "/apps/shop/users/ada@example.com").status_code == 404


def test_an_address_that_is_none_is_said_where_it_stands(desk: Desk) -> None:
    desk.open("data/shop/users", "Users")
    desk.button("New user…").click()
    desk.fill(email="nobody")
    desk.button("Make them", desk.dialog).click()
    expect(desk.dialog.locator("[name=email]")).to_have_attribute("aria-invalid", "true")


def test_mails_are_shown_as_text(desk: Desk) -> None:
    desk.open("data/shop/mail", "Mail")
    desk.button("Hello").click()
    expect(desk.dialog.get_by_role("group", name="HTML source")).to_have_text(A_PAGE)
    assert desk.page.title() != "taken"


def test_a_value_of_the_cache_is_forgotten(desk: Desk, shop: Platform) -> None:
    desk.open("data/shop/cache", "Cache")
    desk.button("greeting").click()
    expect(desk.dialog).to_contain_text("hello")
    desk.page.keyboard.press("Escape")
    desk.button("Forget greeting").click()
    desk.told("greeting is forgotten.")
    assert shop.api("GET", "/apps/shop/cache/greeting").status_code == 404


def test_an_mqtt_message_is_retained(desk: Desk) -> None:
    desk.open("data/shop/mqtt", "MQTT")
    desk.button("Publish…").click()
    desk.fill(topic="sensors/cellar", payload="3.5", retain=True)
    desk.press("Publish")
    expect(desk.row("sensors/cellar")).to_contain_text("3.5")
