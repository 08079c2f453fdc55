"""An app that is removed goes with what its services keep, whatever comes in between."""

from pathlib import Path

import pytest

from tapwater_server.model.ids import AppId
from tests.functional.control.rig import control_rig

FILES = {"main.py": "def get():\n    return 1\n"}
SHOP = AppId("shop")


class Eraser:
    """Fails as often as it is told, then erases."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.erased: list[AppId] = []

    async def erase(self, app: AppId) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        self.erased.append(app)


async def test_what_services_keep_goes_with_the_app(tmp_path: Path) -> None:
    eraser = Eraser(0)
    async with control_rig(tmp_path, erase=eraser.erase) as rig:
        await rig.deployed("shop", FILES)
        assert (await rig.client.delete("/_/api/v1/apps/shop")).status_code == 204
        assert eraser.erased == [SHOP]
        assert rig.registry.leaving() == []
        assert (await rig.client.delete("/_/api/v1/apps/shop")).status_code == 404
        assert eraser.erased == [SHOP]


@pytest.mark.parametrize("again", ["removal", "deploy", "start"])
async def test_a_removal_goes_on_where_it_ended(tmp_path: Path, again: str) -> None:
    eraser = Eraser(1)
    async with control_rig(tmp_path, erase=eraser.erase) as rig:
        await rig.deployed("shop", FILES)
        assert (await rig.client.delete("/_/api/v1/apps/shop")).status_code == 500
        assert rig.registry.leaving() == [SHOP]
        assert (await rig.client.get("/_/api/v1/apps/shop")).status_code == 404
        if again == "removal":
            assert (await rig.client.delete("/_/api/v1/apps/shop")).status_code == 204
        elif again == "deploy":
            await rig.deployed("shop", FILES)
        else:
            await rig.control.start()
        assert eraser.erased == [SHOP]
        assert rig.registry.leaving() == []
