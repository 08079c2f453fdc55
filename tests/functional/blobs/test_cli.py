"""`tapwater blobs` against a real platform: folders, pipes, versions, and what goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tapwater_server.cli.main import build
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
Run = Callable[..., Result]
LARGE = bytes(range(256)) * 20_000


@pytest.fixture
def tap(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the platform, in an empty folder."""
    if not platform.api("GET", "/apps").json()["apps"]:
        platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")
    monkeypatch.setenv("TAPWATER_URL", platform.url)
    monkeypatch.setenv("TAPWATER_TOKEN", platform.token)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def run(*arguments: str, input: bytes | None = None) -> Result:
        return CliRunner().invoke(build(), ["blobs", *arguments], input=input)

    return run


def fine(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_file_that_is_longer_than_it_said_is_cut_there(tap: Run) -> None:
    """As a log is that somebody writes to; the kernel's own files say that they are empty."""
    fine(tap("put", "/proc/self/status", "web/status"))
    assert json.loads(fine(tap("stat", "web/status", "--json")))["size"] == 0
    fine(tap("rm", "-r", "web"))
    fine(tap("bucket", "web", "--rm"))


def test_a_folder_goes_in_and_comes_out(tap: Run) -> None:
    folder = Path("site/a b")
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("one")
    Path("site/large.bin").write_bytes(LARGE)
    fine(tap("put", "site", "web/v1", "--cache", "max-age=60", "--meta", "by=test"))
    said = json.loads(fine(tap("ls", "-r", "web", "--json")))
    assert [(blob["key"], blob["size"]) for blob in said["blobs"]] == [
        ("v1/a b/1.txt", 3),
        ("v1/large.bin", len(LARGE)),
    ]
    facts = json.loads(fine(tap("stat", "web/v1/large.bin", "--json")))
    assert (facts["cache_control"], facts["metadata"]) == ("max-age=60", {"by": "test"})
    assert "v1/" in fine(tap("ls", "web"))
    fine(tap("get", "web/v1/large.bin", "out/back.bin"))
    assert Path("out/back.bin").read_bytes() == LARGE
    fine(tap("get", "web/v1/a b/1.txt"))
    assert Path("1.txt").read_text() == "one"
    assert fine(tap("rm", "-r", "web")) == "2 deleted.\n"
    fine(tap("bucket", "web", "--rm"))
    assert "web" not in fine(tap("buckets"))


def test_pipes_carry_bytes(tap: Run) -> None:
    fine(tap("put", "-", "pipes/in", input=b"\x00\xff\n"))
    result = tap("get", "pipes/in", "-")
    assert (result.exit_code, result.stdout_bytes) == (0, b"\x00\xff\n")


def test_versions_are_shown_and_read(tap: Run) -> None:
    fine(tap("bucket", "kept", "--versioning", "on"))
    for text in (b"one", b"two"):
        fine(tap("put", "-", "kept/a", input=text))
    fine(tap("rm", "kept/a"))
    found = json.loads(fine(tap("versions", "kept", "--json")))["versions"]
    assert [blob.get("deleted", False) for blob in found] == [True, False, False]
    assert tap("get", "kept/a", "-", "--version", found[2]["version"]).stdout_bytes == b"one"
    fine(tap("rm", "kept/a", "--version", found[0]["version"]))
    assert tap("get", "kept/a", "-").stdout_bytes == b"two"


def test_a_lifecycle_is_set_by_prefix(tap: Run) -> None:
    fine(tap("bucket", "life", "--make"))
    fine(tap("lifecycle", "life", "--prefix", "tmp/", "--expire", "1.5"))
    fine(tap("lifecycle", "life", "--drop-old", "30", "--keep-old", "3"))
    shown = fine(tap("lifecycle", "life"))
    assert "tmp/: expire: 1.5" in shown
    assert "everything: drop old versions: 30, keep old versions: 3" in shown
    assert tap("lifecycle", "life", "--expire", "-1").exit_code != 0
    fine(tap("lifecycle", "life", "--clear"))
    assert json.loads(fine(tap("lifecycle", "life", "--json")))["lifecycle"] == []


def test_what_goes_wrong_says_what_to_do(tap: Run) -> None:
    for arguments, exit, words in (
        (("get", "no/thing"), 5, "there is no blob"),
        (("get", "nokey"), 2, "write BUCKET/KEY"),
        (("put", "nofile", "box/a"), 2, "there is no file"),
        (("put", "-", "Box/a"), 1, "bucket's name"),
        (("put", "-", "box/a", "--meta", "x"), 2, "NAME=VALUE"),
        (("rm", "no/thing"), 5, "there is no blob"),
    ):
        result = tap(*arguments, input=b"x")
        assert (result.exit_code, words in result.output) == (exit, True), result.output
    assert list(Path().iterdir()) == []
    fine(tap("put", "-", "box/a", input=b"x"))
    assert tap("put", "-", "box/a", "--only-new", input=b"y").exit_code != 0
    assert tap("get", "box/a", "-").stdout_bytes == b"x"


def test_a_key_cannot_write_on_the_terminal(tap: Run) -> None:
    fine(tap("put", "-", "box/[red]x\u202ey", input=b"x"))
    assert "[red]x\ufffdy" in fine(tap("ls", "box"))
