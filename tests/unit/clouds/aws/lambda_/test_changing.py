"""Functions made, changed, published and removed; and what is left of it after a kill."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.names import LATEST
from tapwater_server.clouds.aws.lambda_.records import Alias, Function
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Put
from tapwater_server.testing.clock import settle
from tests.unit.clouds.aws.lambda_.rig import ACCOUNT, Killed, Lambda

STEPS_MAX = 40


@pytest.fixture
def room(tmp_path: Path) -> Lambda:
    return Lambda(tmp_path)


def consistent(room: Lambda) -> None:
    """What the registry has is what the facts name, and nothing else."""
    apps = set()
    for function in room.store.functions(ACCOUNT):
        app = AppId(function.app)
        apps.add(app)
        versions = room.store.versions(ACCOUNT, function.name)
        named = {function.latest.revision, *(one.revision for one in versions)}
        assert not function.busy
        assert {one.id for one in room.registry.revisions(app)} == named
        pins = {f"v{one.number}": {one.revision: 100} for one in versions}
        names = {one.name: dict(one.weights) for one in room.registry.aliases(app)}
        shown = {one.name for one in room.store.aliases(ACCOUNT, function.name)}
        live = {"live": {function.latest.revision: 100}}
        assert {name: names[name] for name in names if name not in shown} == {**pins, **live}
    assert set(room.registry.apps()) == apps


async def test_a_function_becomes_active(room: Lambda) -> None:
    async with room.run():
        await room.create(publish=True)
        function = room.store.find(ACCOUNT, "f")
        assert function is not None
        assert (function.state, function.update) == (records.ACTIVE, records.SUCCESSFUL)
        assert (function.published, function.publish) == (1, False)
        told = [release.functions[0].foreign["version"] for release in room.releases.made]
        assert told == [LATEST, "1"]
        consistent(room)


async def test_one_change_at_a_time(room: Lambda) -> None:
    async with room.run():
        await room.create()
        version = await room.version("x = 2")

        def change(_: Function) -> records.Version:
            return version

        updates = [room.changing.update(ACCOUNT, "f", change, publish=False) for _ in range(4)]
        ends = await asyncio.gather(*updates, return_exceptions=True)
        refused = [one for one in ends if isinstance(one, AwsError)]
        assert len(refused) == 3
        assert {one.code for one in refused} == {"ResourceConflictException"}
        consistent(room)


async def test_of_two_who_create_one_name_one_does(room: Lambda) -> None:
    async with room.run():
        ends = await asyncio.gather(room.create(), room.create(), return_exceptions=True)
        assert sum(isinstance(one, AwsError) for one in ends) == 1
        consistent(room)


async def test_names_that_make_one_label_are_two_apps(room: Lambda) -> None:
    async with room.run():
        await asyncio.gather(room.create("A_b"), room.create("a-b"), room.create("a_B"))
        assert len(room.registry.apps()) == 3
        consistent(room)


async def test_what_others_change_meanwhile_stays(room: Lambda) -> None:
    async with room.run():
        await room.create()
        counts = range(5)
        await asyncio.gather(
            *(
                room.changing.amend(
                    ACCOUNT,
                    "f",
                    lambda now, n=n: replace(now, tags={**now.tags, f"t{n}": ""}),  # type: ignore[misc]
                )
                for n in counts
            )
        )
        function = room.store.find(ACCOUNT, "f")
        assert function is not None
        assert len(function.tags) == len(counts)


async def test_publishing_twice_is_one_version(room: Lambda) -> None:
    async with room.run():
        await room.create()
        first = await room.changing.publish(ACCOUNT, "f", None, lambda _: None)
        again = await room.changing.publish(ACCOUNT, "f", "said", lambda _: None)
        assert (first.number, again.number) == ("1", "1")
        changed = await room.version("x = 2")
        await room.changing.update(ACCOUNT, "f", lambda _: changed, publish=True)
        assert [one.number for one in room.store.versions(ACCOUNT, "f")] == ["1", "2"]
        consistent(room)


async def test_a_version_is_not_used_twice(room: Lambda) -> None:
    async with room.run():
        await room.create(publish=True)
        await room.changing.remove_version(ACCOUNT, "f", "1")
        version = await room.changing.publish(ACCOUNT, "f", None, lambda _: None)
        assert version.number == "2"
        consistent(room)


async def test_a_function_that_does_not_come_up_says_why(room: Lambda) -> None:
    async with room.run():
        version = await room.version()
        bad = replace(version, code=replace(version.code, bundle="", zip=version.code.zip))
        room.rig.preparer.manifest = {}
        failing = await room.version("x = 3")
        folder = room.rig.folders.path("bundles", failing.code.bundle)
        assert folder is not None
        (folder / "fails").write_text("")
        made = await room.changing.create(ACCOUNT, "f", failing, tags={}, publish=False)
        assert made.state == records.FAILED
        assert "does not come up" in made.state_reason
        with pytest.raises(AwsError, match="Failed"):
            room.resolving.find(ACCOUNT, "f")
        mended = await room.changing.update(ACCOUNT, "f", lambda _: bad, publish=False)
        assert mended.state == records.ACTIVE, "code that was swept away is unpacked again"
        consistent(room)


async def test_an_update_that_fails_leaves_what_was(room: Lambda) -> None:
    async with room.run():
        await room.create()
        before = room.resolving.find(ACCOUNT, "f").revision
        failing = await room.version("x = 3")
        folder = room.rig.folders.path("bundles", failing.code.bundle)
        assert folder is not None
        (folder / "fails").write_text("")
        made = await room.changing.update(ACCOUNT, "f", lambda _: failing, publish=True)
        assert (made.state, made.update) == (records.ACTIVE, records.FAILED)
        assert room.resolving.find(ACCOUNT, "f").revision == before
        consistent(room)


async def test_aliases_made_while_a_function_changes_come_after_it(room: Lambda) -> None:
    async with room.run():
        await room.create(publish=True)
        changed = await room.version("x = 2")
        room.rig.preparer.may_go_on.clear()
        updating = asyncio.ensure_future(
            room.changing.update(ACCOUNT, "f", lambda _: changed, publish=False)
        )
        await room.rig.preparer.waiting.wait()
        value = records.alias_value(Alias(name="prod", version="1"))
        await room.store.change(ACCOUNT, Put(kind=records.ALIAS, key="f:prod", value=value))
        await room.changing.tidy(ACCOUNT, "f")
        room.rig.preparer.may_go_on.set()
        assert (await updating).update == records.SUCCESSFUL
        await settle()
        consistent(room)
        assert "prod" in {alias.name for alias in room.registry.aliases(AppId("f"))}


async def test_an_app_that_is_removed_takes_its_function_with_it(room: Lambda) -> None:
    room.registry.watch(lambda app: room.repairing.told(app))
    async with room.run():
        await room.create(publish=True)
        await room.create("other")
        await room.releases.remove(AppId("f"))
        await settle()
        assert [one.name for one in room.store.functions(ACCOUNT)] == ["other"]
        await room.create()
        consistent(room)


async def test_files_that_nothing_names_are_swept_away(room: Lambda) -> None:
    async with room.run():
        await room.create(publish=True)
        loose = await room.archives.keep(b"of a layer that was deleted")
        room.archives.done(loose)
        value = {"zip": loose, "size": 1, "deleted": True}
        await room.store.change(ACCOUNT, Put(kind=records.LAYER, key="old:1", value=value))
        kept = await room.archives.keep(b"of a request that goes on")
        function = room.store.find(ACCOUNT, "f")
        assert function is not None
        room.archives.done(function.latest.code.zip)
        await room.repairing.sweep()
        assert room.archives.path(function.latest.code.zip) is not None
        assert room.archives.path(kept) is not None
        assert room.archives.path(loose) is None
        assert room.facts.get(ACCOUNT.space, records.LAYER, "old:1") is None


async def create(room: Lambda) -> None:
    await room.create("new", publish=True)


async def update(room: Lambda) -> None:
    changed = await room.version("x = 2")
    await room.changing.update(ACCOUNT, "f", lambda _: changed, publish=True)


async def publish(room: Lambda) -> None:
    changed = await room.version("x = 2")
    await room.changing.update(ACCOUNT, "f", lambda _: changed, publish=False)
    await room.changing.publish(ACCOUNT, "f", None, lambda _: None)


async def remake(room: Lambda) -> None:
    function = room.store.find(ACCOUNT, "f")
    assert function is not None
    version = room.store.version(ACCOUNT, function, "1")
    assert version is not None
    await room.changing.remake(ACCOUNT, "f", replace(version, instances_min=2))


async def remove(room: Lambda) -> None:
    await room.changing.remove(ACCOUNT, "f")


async def remove_version(room: Lambda) -> None:
    await room.changing.remove_version(ACCOUNT, "f", "1")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("doing", [create, update, publish, remake, remove, remove_version])
async def test_killed_at_any_step_nothing_is_half_there(
    tmp_path: Path, doing: Callable[[Lambda], Awaitable[None]], after: bool
) -> None:
    for count in range(1, STEPS_MAX):
        room = Lambda(tmp_path / str(count))
        async with room.run():
            await room.create(publish=True)
        room.fuse.left, room.fuse.after = count, after
        killed = await until_killed(room, doing)
        room.fuse.left = -1
        async with room.run():
            consistent(room)
        if not killed:
            return
    pytest.fail("it never came to its end")


async def until_killed(room: Lambda, doing: Callable[[Lambda], Awaitable[None]]) -> bool:
    """Do something; say whether the fuse burned through before it was done."""
    lived = asyncio.get_running_loop().create_future()
    try:
        async with room.run():
            task = asyncio.ensure_future(doing(room))
            while not task.done() and room.fuse.left != 0:
                await asyncio.wait([task], timeout=0.005)
            lived.set_result(task.done() and room.fuse.left != 0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    except Killed:
        return True
    return not lived.result()


async def test_an_alias_is_found_by_its_weights(room: Lambda) -> None:
    async with room.run():
        await room.create(publish=True)
        changed = await room.version("x = 2")
        await room.changing.update(ACCOUNT, "f", lambda _: changed, publish=True)
        alias = Alias(name="prod", version="1", weights={"2": 0.25})
        put = Put(kind=records.ALIAS, key="f:prod", value=records.alias_value(alias))
        await room.store.change(ACCOUNT, put)
        await room.changing.tidy(ACCOUNT, "f")
        assert room.resolving.find(ACCOUNT, "f:prod").version == "1", "chance is 0.5"
        drawn = {room.resolving.find(ACCOUNT, "f", "prod", by=str(n)).version for n in range(40)}
        assert drawn == {"1", "2"}
        (shown,) = [one for one in room.registry.aliases(AppId("f")) if one.name == "prod"]
        assert sorted(shown.weights.values()) == [25, 75]
        with pytest.raises(AwsError, match="referenced by alias"):
            await room.changing.remove_version(ACCOUNT, "f", "2")


async def test_what_was_found_is_looked_for_again_once_it_changed(room: Lambda) -> None:
    async with room.run():
        await room.create()
        first = room.resolving.find(ACCOUNT, "f")
        assert room.resolving.find(ACCOUNT, "f") is first
        await room.changing.amend(ACCOUNT, "f", lambda now: replace(now, reserved=3))
        assert room.resolving.find(ACCOUNT, "f").seats == 3
        await room.changing.remove(ACCOUNT, "f")
        with pytest.raises(AwsError, match="Function not found"):
            room.resolving.find(ACCOUNT, "f")
        assert room.resolving.owner("f") is None
