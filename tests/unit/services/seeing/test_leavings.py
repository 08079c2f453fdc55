"""What calls leave behind that end after their app was removed."""

from tapwater_server.model.ids import AppId
from tapwater_server.services.seeing.leavings import Leavings
from tapwater_server.services.seeing.pulse import Beat
from tapwater_server.services.seeing.seen import Seen

SHOP, BLOG = AppId("shop"), AppId("blog")


def beat(*apps: str) -> Beat:
    return Beat(at=0.0, seen={(app, "f"): Seen(calls=1) for app in apps})


class Rig:
    def __init__(self) -> None:
        self.erased: list[AppId] = []
        self.apps = {SHOP, BLOG}
        self.leavings = Leavings(erase=self.erase, exists=self.apps.__contains__)

    async def erase(self, app: AppId) -> None:
        self.erased.append(app)

    async def remove(self, app: AppId) -> None:
        self.apps.discard(app)
        await self.leavings.erase(app)
        self.erased.clear()


async def test_what_comes_late_goes_with_the_next_sweeps_and_then_nothing_is_done() -> None:
    rig = Rig()
    rig.leavings.note(beat("shop", "blog"))
    await rig.leavings.sweep()
    assert rig.erased == []
    await rig.remove(SHOP)
    rig.leavings.note(beat("blog"))
    await rig.leavings.sweep()
    assert rig.erased == []
    rig.leavings.note(beat("shop", "blog"))
    for _ in range(5):
        await rig.leavings.sweep()
    assert rig.erased == [SHOP, SHOP]


async def test_an_app_of_that_name_that_is_there_again_is_left_alone() -> None:
    rig = Rig()
    await rig.remove(SHOP)
    rig.apps.add(SHOP)
    rig.leavings.note(beat("shop"))
    await rig.leavings.sweep()
    rig.leavings.note(beat("shop"))
    await rig.leavings.sweep()
    assert rig.erased == []
