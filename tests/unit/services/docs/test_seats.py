"""Who takes too many subscriptions shuts out nobody else."""

import pytest

from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.services.docs import seats as module
from tapwater_server.services.docs.seats import Seats
from tapwater_server.services.docs.service import Asker
from tests.unit.services.docs.ruled import APP, OWN, SHOP, House, said

BLOG = AppId("blog")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTENERS_MAX", 6)
    monkeypatch.setattr(module, "APP_LISTENERS_MAX", 4)
    monkeypatch.setattr(module, "CLIENT_LISTENERS_MAX", 2)


def test_an_address_has_its_share_of_all_apps() -> None:
    seats = Seats()
    seats.take(SHOP, "192.0.2.7")
    seats.take(BLOG, "192.0.2.7")
    with pytest.raises(Overloaded, match="from one address"):
        seats.take(AppId("third"), "192.0.2.7")
    seats.take(SHOP, "192.0.2.8")
    seats.give_back(BLOG, "192.0.2.7")
    seats.take(SHOP, "192.0.2.7")
    assert seats.taken == 3


def test_an_app_has_its_share_and_the_node_its_end() -> None:
    seats = Seats()
    for n in range(4):
        seats.take(SHOP, f"192.0.2.{n}")
    for client in ("192.0.2.9", ""):
        with pytest.raises(Overloaded, match="of one app"):
            seats.take(SHOP, client)
    seats.take(BLOG, "")
    seats.take(BLOG, "")
    with pytest.raises(Overloaded, match="on this node"):
        seats.take(BLOG, "")
    seats.give_back(SHOP, "192.0.2.0")
    seats.take(BLOG, "192.0.2.0")
    assert seats.taken == 6


def test_who_acts_for_the_app_has_no_share_of_an_address() -> None:
    visitor = Asker(app=SHOP, who=NOBODY, client="2001:db8:1:2:3::4")
    user = Asker(app=SHOP, who=Principal(name="a", user="a", user_app=SHOP), client="192.0.2.7")
    app = Asker(app=SHOP, who=APP.who, client="192.0.2.7")
    assert [asker.share for asker in (visitor, user, app)] == [
        "2001:db8:1:2::/64",
        "192.0.2.7",
        "",
    ]


@pytest.mark.parametrize("top", [0, 3])
async def test_subscriptions_take_seats_and_leave_them(top: int) -> None:
    house = House()
    visitor = Asker(app=SHOP, who=NOBODY, client="192.0.2.7")
    other = Asker(app=BLOG, who=NOBODY, client="192.0.2.8")
    begun = [await house.watching.open(visitor, OWN, "", top=top) for _ in range(2)]
    with pytest.raises(Overloaded) as refused:
        await house.watching.open(visitor, OWN, "", top=top)
    assert refused.value.code == "overloaded"
    begun += [await house.watching.open(each, OWN, "", top=top) for each in (APP, other)]
    assert [said(await anext(frames))["type"] for frames in begun] == ["snapshot"] * 4
    assert house.hub.listeners == 4
    for frames in begun:
        await frames.aclose()
    assert house.hub.listeners == 0
    again = await house.watching.open(visitor, OWN, "", top=top)
    await anext(again)
    await again.aclose()
    assert house.hub.listeners == 0
