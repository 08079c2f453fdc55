"""What goes into a bundle, and that the same app is the same bytes."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from tapwater_server.cli import bundle
from tapwater_server.cli.bundle import Chosen, choose, pack
from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.project import open_project


def write(top: Path, *files: str, text: str = "x") -> Path:
    for file in files:
        place = top / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return top


def names(chosen: Chosen) -> list[str]:
    return [each.path for each in chosen.files]


def chosen(top: Path) -> Chosen:
    return choose(open_project(top))


def digest(top: Path) -> str:
    packed = pack(chosen(top))
    packed.close()
    return packed.digest


def test_the_same_app_is_the_same_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "b/restful/x.py", "a.py", "lib/z.py")
    two = write(tmp_path / "two", "lib/z.py", "a.py", "b/restful/x.py")
    os.utime(two / "a.py", (1, 1))
    (two / "a.py").chmod(0o600)
    assert digest(one) == digest(two)
    write(two, "a.py", text="y")
    assert digest(one) != digest(two)


def test_what_is_ignored_stays_here(tmp_path: Path) -> None:
    top = write(
        tmp_path / "app",
        "restful/a.py",
        ".git/HEAD",
        ".venv/lib/x.py",
        "__pycache__/a.pyc",
        "lib/data.bin",
        "lib/kept.bin",
        "big/x.py",
    )
    (top / ".gitignore").write_text("*.bin\n")
    (top / "lib" / ".gitignore").write_text("!kept.bin\n")
    (top / ".tapwaterignore").write_text("big/\n")
    found = chosen(top)
    assert names(found) == ["lib/kept.bin", "restful/a.py"]
    assert found.folders == (top, top / "lib", top / "restful")


def test_secrets_stay_here_and_are_named(tmp_path: Path) -> None:
    top = write(tmp_path / "app", "restful/a.py", ".env", "x/.env.production", ".env.example")
    found = chosen(top)
    assert names(found) == [".env.example", "restful/a.py"]
    assert ".env, x/.env.production" in found.warnings[0]
    (top / ".tapwaterignore").write_text("!.env\n")
    assert ".env" in names(chosen(top))


def test_links_are_followed_to_files_of_the_app_only(tmp_path: Path) -> None:
    top = write(tmp_path / "app", "restful/a.py", "lib/b.py")
    write(tmp_path, "outside.py")
    (top / "same.py").symlink_to(top / "lib" / "b.py")
    (top / "out.py").symlink_to(tmp_path / "outside.py")
    (top / "loop").symlink_to(top)
    (top / "dead.py").symlink_to(top / "nowhere.py")
    found = chosen(top)
    assert names(found) == ["lib/b.py", "restful/a.py", "same.py"]
    assert "dead.py, loop, out.py" in found.warnings[0]


def test_pipes_are_nobodys_code(tmp_path: Path) -> None:
    top = write(tmp_path / "app", "restful/a.py")
    os.mkfifo(top / "pipe")
    assert names(chosen(top)) == ["restful/a.py"]


def test_modes_are_two(tmp_path: Path) -> None:
    top = write(tmp_path / "app", "restful/a.py", "bin/tool")
    (top / "bin" / "tool").chmod(0o4775)
    packed = pack(chosen(top))
    with tarfile.open(fileobj=io.BytesIO(packed.file.read()), mode="r:gz") as tar:
        modes = {member.name: member.mode for member in tar.getmembers()}
    packed.close()
    assert modes == {"bin/tool": 0o755, "restful/a.py": 0o644}


def test_too_much_is_refused_with_the_largest_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = write(tmp_path / "app", "restful/a.py", "model.bin", text="x" * 100)
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 150)
    with pytest.raises(CommandFailed, match=r"model\.bin") as caught:
        chosen(top)
    assert ".tapwaterignore" in caught.value.hint
    monkeypatch.setattr(bundle, "BUNDLE_FILES_MAX", 1)
    with pytest.raises(CommandFailed, match="more than 1 files"):
        chosen(top)


async def test_a_bundle_can_be_sent_twice(tmp_path: Path) -> None:
    packed = pack(chosen(write(tmp_path / "app", "restful/a.py")))
    first = b"".join([part async for part in packed.parts()])
    second = b"".join([part async for part in packed.parts()])
    packed.close()
    assert first == second
    assert len(first) == packed.size


def test_a_folder_that_went_away_is_no_crash(tmp_path: Path) -> None:
    top = write(tmp_path / "app", "restful/a.py")
    project = open_project(top)
    (top / "restful" / "a.py").unlink()
    (top / "restful").rmdir()
    top.rmdir()
    with pytest.raises(CommandFailed, match="no file"):
        choose(project)
    one = open_project(write(tmp_path, "hello.py") / "hello.py")
    (tmp_path / "hello.py").unlink()
    with pytest.raises(CommandFailed, match="cannot be read"):
        choose(one)
