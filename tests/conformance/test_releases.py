"""What ports/releases.py promises."""

import os
from pathlib import Path

import pytest

from tapwater_server.control.holding import BUNDLES
from tapwater_server.control.layers import LAYERS
from tapwater_server.model.errors import Conflict, DeployFailed, Invalid
from tapwater_server.model.function import Alias
from tapwater_server.model.ids import RevisionId
from tests.conformance.releases_kit import APP, Rig, a_release, zipped


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_rls_1_prepared_before_it_is_written_down(rig: Rig) -> None:
    revision = await rig.releases.release(a_release(await rig.unpacked({"app.py": "x"})))
    (image,) = rig.preparer.images
    assert image.revision == revision.id
    assert image.foreign["handler"] == "app.handler"
    assert rig.folders.path(BUNDLES, revision.bundle) == Path(image.code)
    assert rig.preparer.adopted.keys() == {revision.id}
    assert rig.registry.revision(APP, revision.id) == revision


async def test_rls_1_when_it_fails_nothing_has_changed(rig: Rig) -> None:
    good = await rig.releases.release(a_release(await rig.unpacked({"app.py": "x"})))
    with pytest.raises(DeployFailed) as caught:
        await rig.releases.release(a_release(await rig.unpacked({"fails": ""})))
    assert caught.value.problems == ({"where": "handler", "what": "it does not come up"},)
    assert [one.id for one in rig.registry.revisions(APP)] == [good.id]
    assert rig.registry.aliases(APP)[0].weights == {good.id: 100}
    assert rig.preparer.open == []


async def test_rls_1_runs_on_the_python_that_is_asked_for(rig: Rig) -> None:
    bundle = await rig.unpacked({"app.py": "x"})
    assert list(await rig.releases.pythons()) == ["3.11", "3.12"]
    revision = await rig.releases.release(a_release(bundle, python="3.12"))
    assert revision.python == "/usr/bin/python3.12"
    with pytest.raises(DeployFailed, match=r"no Python 3\.9"):
        await rig.releases.release(a_release(bundle, python="3.9"))


async def test_rls_1_a_module_that_cannot_be_forked_is_imported_later(rig: Rig) -> None:
    rig.preparer.manifest = {"after_fork_import": True}
    revision = await rig.releases.release(a_release(await rig.unpacked({"app.py": "x"})))
    assert revision.functions[0].after_fork_import


async def test_rls_2_the_revision_and_its_aliases_at_once(rig: Rig) -> None:
    seen: list[tuple[int, list[str]]] = []
    rig.registry.watch(
        lambda app: seen.append(
            (len(rig.registry.revisions(app)), [one.name for one in rig.registry.aliases(app)])
        )
    )
    bundle = await rig.unpacked({"app.py": "x"})
    await rig.releases.release(a_release(bundle, aliases=("live", "v1")))
    assert seen == [(1, ["live", "v1"])]


async def test_rls_3_unpacked_by_content(rig: Rig) -> None:
    digest, size = await rig.releases.unpack([zipped({"a/b.py": "one", "run": "#!"})])
    again, _ = await rig.releases.unpack([zipped({"run": "#!", "a/b.py": "one"})])
    assert (digest, size) == (again, 5)
    over, _ = await rig.releases.unpack(
        [zipped({"a/b.py": "one", "c": ""}), zipped({"a/b.py": "two"})], beside=True
    )
    folder = rig.folders.path(LAYERS, over)
    assert folder is not None
    assert (folder / "a/b.py").read_text() == "two"
    assert (folder / "c").exists()


async def test_rls_3_executable_bits_and_links_are_kept(rig: Rig) -> None:
    modes = {"run": 0o100755, "same": 0o120777}
    archive = zipped({"run": "#!", "same": "run", "plain": ""}, modes=modes)
    digest, _ = await rig.releases.unpack([archive])
    folder = rig.folders.path(BUNDLES, digest)
    assert folder is not None
    assert os.access(folder / "run", os.X_OK)
    assert os.access(folder / "same", os.X_OK)
    assert (folder / "same").read_text() == "#!"
    assert not (folder / "plain").stat().st_mode & 0o111


async def test_rls_3_what_no_revision_names_is_swept_away(rig: Rig) -> None:
    kept = await rig.unpacked({"app.py": "kept"})
    revision = await rig.releases.release(a_release(kept))
    loose = await rig.unpacked({"app.py": "loose"})
    await rig.holding.sweep(BUNDLES)
    assert rig.folders.path(BUNDLES, loose) is not None, "its release may come yet"
    await rig.clock.advance(3600)
    await rig.unpacked({"app.py": "another"})
    await rig.holding.sweep(BUNDLES)
    assert rig.folders.path(BUNDLES, loose) is None
    assert rig.folders.path(BUNDLES, revision.bundle) is not None


async def test_rls_3_what_was_swept_away_must_come_again(rig: Rig) -> None:
    with pytest.raises(Conflict, match="send it again"):
        await rig.releases.release(a_release("0" * 64))
    with pytest.raises(Invalid, match="leads out"):
        await rig.releases.unpack([zipped({"../evil": ""})])


async def test_rls_4_drop_removes_one_and_its_zygotes(rig: Rig) -> None:
    first = await rig.releases.release(a_release(await rig.unpacked({"app.py": "1"})))
    with pytest.raises(Conflict):
        await rig.releases.drop(APP, first.id)
    second = await rig.releases.release(a_release(await rig.unpacked({"app.py": "2"})))
    await rig.releases.drop(APP, first.id)
    assert [one.id for one in rig.registry.revisions(APP)] == [second.id]
    assert rig.preparer.adopted.keys() == {second.id}
    await rig.releases.point(Alias(app=APP, name="old", weights={second.id: 100}))
    await rig.releases.unpoint(APP, "old")
    assert [one.name for one in rig.registry.aliases(APP)] == ["live"]


async def test_rls_4_an_app_goes_with_all_that_is_kept_of_it(rig: Rig) -> None:
    await rig.releases.release(a_release(await rig.unpacked({"app.py": "1"})))
    await rig.releases.remove(APP)
    assert rig.erased == [APP]
    assert rig.registry.revisions(APP) == []
    assert rig.registry.revision(APP, RevisionId("x")) is None
