"""Deploying through the API: what a client sees, and what is there afterwards."""

import asyncio
import contextlib
import errno
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tapwater_server.control.apply import Order
from tapwater_server.model.function import Alias, Revision, Route
from tapwater_server.model.ids import AppId
from tapwater_server.web.scope import DOOR
from tests.functional.control.rig import Rig, bundle, control_rig

SHOP = AppId("shop")
GET = "def get():\n    return 'hello'\n"
FILES = {"users/restful/register.py": GET}


async def test_a_deploy_gives_a_registered_revision(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        lines = await rig.deploy("shop", FILES, note="first")
        steps = [(line["step"], line["state"]) for line in lines[:-1]]
        revision = lines[-1]["revision"]
        assert steps[0] == ("bundle", "begin")
        assert steps[-1] == ("switch", "done")
        assert ("functions", "done") in steps
        assert all(line["ms"] >= 0 for line in lines[:-1] if line["state"] == "done")
        assert (revision["number"], revision["note"]) == (1, "first")
        assert revision["preview"] == "http://r1--shop.localhost:8080"
        assert revision["urls"] == ["http://127.0.0.1:8080"]
        assert revision["functions"][0]["url"] == "http://127.0.0.1:8080/users-api/register"
        (held,) = rig.registry.revisions(SHOP)
        assert held.functions[0].route == Route(
            path="/users-api/register", verbs=frozenset({"GET"})
        )
        assert rig.preparer.open == []
        assert list(rig.preparer.adopted) == [held.id]
        assert rig.registry.default_app() == SHOP


async def test_settings_reach_the_functions(tmp_path: Path) -> None:
    files = {
        **FILES,
        "orders/reactive/nightly.py": "@on.schedule('0 3 * * *')\ndef run(): ...\n",
        "tapwater.toml": 'hosts = ["shop.example"]\n[env]\nMODE = "x"\n[defaults]\ntimeout = "5s"\n'
        '[functions."users/register"]\ntimeout = "7s"\nconcurrency = 4\n[settings]\ncolour = 1\n',
    }
    async with control_rig(tmp_path) as rig:
        revision = await rig.deployed("shop", files)
        nightly, register = revision["functions"]
        assert nightly["limits"]["timeout_s"] == 5.0
        assert register["limits"]["timeout_s"] == 7.0
        assert (nightly["kind"], nightly["url"]) == ("reactive", None)
        assert nightly["trigger"] == {"source": "schedule", "arguments": {"cron": "0 3 * * *"}}
        (held,) = rig.registry.revisions(SHOP)
        assert held.hosts == ("shop.example",)
        assert {str(one.environment["MODE"]) for one in held.functions} == {"x"}
        image = next(one for one in rig.preparer.images if one.module.endswith("register.py"))
        assert image.settings == {"colour": 1, "concurrency": 4}
        assert len(rig.preparer.images) == 2


async def test_an_app_cannot_take_hosts_that_are_not_its_own(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", {**FILES, "tapwater.toml": 'hosts = ["shop.example"]\n'})
        await rig.deployed("shop", {**FILES, "tapwater.toml": 'hosts = ["shop.example"]\n'})
        for host in ("shop.example", "localhost.localhost", "shop.localhost", "127.0.0.1"):
            lines = await rig.deploy("evil", {**FILES, "tapwater.toml": f'hosts = ["{host}"]\n'})
            assert lines[-1]["problem"]["code"] == "deploy_failed", host
        assert rig.registry.apps() == ["shop"]


async def test_egress_that_only_the_manifest_knows_is_prepared_again(tmp_path: Path) -> None:
    source = GET + 'MANIFEST = {"options": {"egress": ["a.example:443"]}}\n'
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", {"restful/a.py": source})
        assert [one.egress for one in rig.preparer.images] == [(), ("a.example:443",)]
        assert rig.preparer.open == []
        assert rig.registry.revisions(SHOP)[0].functions[0].egress == ("a.example:443",)


async def test_egress_that_is_written_out_is_prepared_once(tmp_path: Path) -> None:
    source = 'options(egress=["a.example:443"], memory="1GB")\n' + GET
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", {"restful/a.py": source})
        assert [one.egress for one in rig.preparer.images] == [("a.example:443",)]


@pytest.mark.parametrize(
    ("files", "where", "says"),
    [
        ({"README.md": "x"}, None, "No functions among 1 file"),
        ({"users/restfull/a.py": GET, "x.md": ""}, "the app", "'restful'"),
        ({"restful/a.py": "raise ValueError('no')\n"}, "restful/a.py", "ValueError('no')"),
        ({"restful/a.py": "def get(:\n"}, "restful/a.py", "SyntaxError"),
        ({**FILES, "tapwater.toml": "nam = 3\n"}, "tapwater.toml:1", "no key 'nam'"),
        (
            {**FILES, "tapwater.toml": '[functions."users/regster"]\ntimeout = "1s"\n'},
            "tapwater.toml",
            "no such function",
        ),
        ({**FILES, "requirements.txt": "-e .\n"}, "requirements.txt:1", "cannot be used"),
        ({**FILES, "tapwater.toml": 'python = "3.4"\n'}, "tapwater.toml", "no Python 3.4"),
        (
            {"restful/a.py": GET + 'MANIFEST = {"wire": 99}\n'},
            "restful/a.py",
            "version 99",
        ),
    ],
)
async def test_a_refused_deploy_changes_nothing(
    tmp_path: Path, files: dict[str, str], where: str | None, says: str
) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", FILES)
        problem = await rig.refused("shop", files)
        assert (problem["status"], problem["code"]) == (422, "deploy_failed")
        assert says in json.dumps(problem, ensure_ascii=False)
        if where is not None:
            assert where in [one["where"] for one in problem["problems"]]
        assert [one.number for one in rig.registry.revisions(SHOP)] == [1]
        assert rig.preparer.open == []
        assert len(list((tmp_path / "folders" / "bundles").iterdir())) == 1


async def test_all_failing_functions_are_named_at_once(tmp_path: Path) -> None:
    files = {f"restful/f{n}.py": "raise ValueError\n" for n in range(3)}
    async with control_rig(tmp_path) as rig:
        problem = await rig.refused("shop", {**files, **FILES})
        assert sorted(one["where"] for one in problem["problems"]) == sorted(files)
        assert problem["detail"] == "3 functions cannot be deployed."


async def test_a_first_deploy_that_fails_leaves_no_app(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.refused("shop", {"restful/a.py": "raise ValueError\n"})
        assert rig.registry.apps() == []
        assert list((tmp_path / "folders" / "bundles").iterdir()) == []


async def test_a_broken_bundle_is_a_problem(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        url = "/_/api/v1/apps/shop/deploys"
        empty = await rig.client.post(url, content=b"")
        assert (empty.status_code, empty.json()["code"]) == (400, "invalid")
        cut = await rig.client.post(url, content=bundle(FILES)[:50])
        assert json.loads(cut.text.splitlines()[-1])["problem"]["code"] == "invalid"
        outward = await rig.client.post(url, content=bundle({"../x.py": GET}))
        assert "leads out" in outward.text


async def test_aliases_and_traffic(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", FILES)
        canary = await rig.deployed("shop", FILES, alias="canary")
        assert canary["urls"] == ["http://canary--shop.localhost:8080"]
        quiet = await rig.deployed("shop", FILES, traffic="false")
        assert quiet["urls"] == []
        assert quiet["functions"][0]["url"].startswith("http://r3--shop.localhost:8080/")
        aliases = (await rig.client.get("/_/api/v1/apps/shop/aliases")).json()
        assert aliases == {"aliases": {"canary": {"2": 100}, "live": {"1": 100}}}


async def test_deploys_of_one_app_take_turns(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        rig.preparer.may_go_on.clear()
        first = asyncio.create_task(rig.deploy("shop", FILES))
        await rig.preparer.started.wait()
        others = [asyncio.create_task(rig.deploy("shop", FILES)) for _ in range(4)]
        other_app = asyncio.create_task(rig.deploy("blog", FILES))
        while rig.control.house.turns.count(SHOP) < 5 or len(rig.preparer.images) < 2:
            await _turn()
        too_many = await rig.refused("shop", FILES)
        assert too_many["code"] == "conflict"
        rig.preparer.may_go_on.set()
        done = [(await task)[-1]["revision"]["number"] for task in (first, *others)]
        assert sorted(done) == [1, 2, 3, 4, 5]
        assert (await other_app)[-1]["revision"]["number"] == 1


async def _turn() -> None:
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", FILES)
        rig.preparer.started.clear()
        rig.preparer.may_go_on.clear()
        when_gone: list[Callable[[], object]] = []
        body = bundle({**FILES, "restful/b.py": GET})
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, object]:
            return parts.pop()

        async def send(message: object) -> None:
            """Nobody listens."""

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/_/api/v1/apps/shop/deploys",
            "raw_path": b"/_/api/v1/apps/shop/deploys",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"authorization", rig.client.headers["authorization"].encode())],
            "scheme": "http",
            "server": ("127.0.0.1", 8080),
            DOOR: {"on_gone": when_gone.append},
        }
        asking = asyncio.create_task(_ask(rig, scope, receive, send))
        await rig.preparer.started.wait()
        for tell in when_gone:
            tell()
        await asking
        assert [one.number for one in rig.registry.revisions(SHOP)] == [1]
        assert rig.preparer.open == []
        assert len(list((tmp_path / "folders" / "bundles").iterdir())) == 1
        rig.preparer.may_go_on.set()
        assert (await rig.deployed("shop", FILES))["number"] == 2


async def _ask(rig: Rig, scope: object, receive: object, send: object) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await rig.app(scope, receive, send)  # type: ignore[arg-type]


async def test_a_cancellation_while_the_revision_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written, so it is there whole: its code must not be swept away."""
    async with control_rig(tmp_path) as rig:
        writing, go_on = asyncio.Event(), asyncio.Event()
        add = rig.registry.add_revision

        async def slowly(revision: Revision, *, aliases: Sequence[Alias]) -> None:
            writing.set()
            await go_on.wait()
            await add(revision, aliases=aliases)

        monkeypatch.setattr(rig.registry, "add_revision", slowly)
        order = Order(app=SHOP, archive=io.BytesIO(bundle(FILES)))
        deploying = asyncio.create_task(
            rig.control.house.deploying.deploy(order, said=lambda _: None)
        )
        await writing.wait()
        for _ in range(2):
            deploying.cancel()
            await _turn()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await deploying
        (held,) = rig.registry.revisions(SHOP)
        assert rig.folders.path("bundles", held.bundle) is not None
        assert list(rig.preparer.adopted) == [held.id]


async def test_old_revisions_go(tmp_path: Path) -> None:
    async with control_rig(tmp_path, revisions_max=3) as rig:
        for n in range(6):
            await rig.deployed("shop", {"restful/a.py": GET + f"N = {n}\n"})
        assert [one.number for one in rig.registry.revisions(SHOP)] == [6, 5, 4]
        assert len(rig.preparer.forgotten) == 3
        assert len(list((tmp_path / "folders" / "bundles").iterdir())) == 3


async def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", FILES)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("tapwater_server.control.bundle.unpack", full)
        problem = await rig.refused("shop", {**FILES, "restful/b.py": GET})
        assert (problem["status"], problem["code"]) == (500, "internal")
        assert "disk is full" in problem["detail"]
        monkeypatch.setattr(rig.preparer, "prepare", full)
        problem = await rig.refused("shop", FILES)
        assert problem["code"] == "internal"
        assert [one.number for one in rig.registry.revisions(SHOP)] == [1]


async def test_an_edit_is_live_soon(tmp_path: Path) -> None:
    """Not a benchmark: only that nothing here waits for something."""
    async with control_rig(tmp_path) as rig:
        await rig.deployed("shop", FILES)
        began = time.monotonic()
        await rig.deployed("shop", {**FILES, "lib/a.py": "x = 1"})
        assert time.monotonic() - began < 5.0
