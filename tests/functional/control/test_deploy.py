"""Deploying through the API: what a client sees, and what is there afterwards."""

from pathlib import Path

from tapwater_server.model.function import Route
from tapwater_server.model.ids import AppId
from tests.functional.control.rig import control_rig

GET = "def get():\n    return 'hello'\n"


async def test_a_deploy_gives_a_registered_revision(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        lines = await rig.deploy("shop", {"users/restful/register.py": GET}, note="first")
        steps = [(line["step"], line["state"]) for line in lines[:-1]]
        revision = lines[-1]["revision"]
        assert ("functions", "done") in steps
        assert revision["number"] == 1
        assert revision["preview"] == "http://r1--shop.localhost:8080"
        assert revision["functions"][0]["url"] == "http://127.0.0.1:8080/users-api/register"
        held = rig.registry.revisions(AppId("shop"))[0]
        assert held.functions[0].route == Route(
            path="/users-api/register", verbs=frozenset({"GET"})
        )
        assert rig.preparer.open == []
        assert list(rig.preparer.adopted) == [held.id]
