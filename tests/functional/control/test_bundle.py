"""An app's files come back as they were deployed, whole, to who may deploy it."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tapwater_server.cli.main import build
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

FILES = {
    "tapwater.toml": 'name = "lost"\n',
    "books/restful/title.py": "from lib import SAID\n\ndef get() -> str:\n    return SAID\n",
    "lib.py": 'SAID = "one"\n',
    "public/a.txt": "text",
}


def unpacked(raw: bytes) -> dict[str, str]:
    """Read a tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        members = [one for one in archive if one.isfile()]
        texts = [archive.extractfile(one) for one in members]
        return {m.name: t.read().decode() for m, t in zip(members, texts, strict=True) if t}


def test_files_come_back_of_every_revision(platform: Platform, tmp_path: Path) -> None:
    platform.deploy(FILES, "lost")
    platform.deploy({**FILES, "lib.py": 'SAID = "two"\n'}, "lost")
    first = platform.api("GET", "/apps/lost/bundle", params={"revision": "1"})
    assert first.headers["content-type"] == "application/gzip"
    assert first.headers["content-disposition"].endswith('"lost-r1.tar.gz"')
    assert unpacked(first.content) == FILES
    assert platform.api("GET", "/apps/lost/bundle", params={"revision": "1"}).content == (
        first.content
    )
    live = unpacked(platform.api("GET", "/apps/lost/bundle").content)
    assert live["lib.py"] == 'SAID = "two"\n'
    assert platform.api("GET", "/apps/lost/bundle", params={"revision": "9"}).status_code == 404
    assert platform.api("GET", "/apps/nobody/bundle").status_code == 404
    assert platform.http.get(f"{platform.url}/_/api/v1/apps/lost/bundle").status_code == 401


def test_the_command_writes_them_down_and_exports_them(platform: Platform, tmp_path: Path) -> None:
    platform.deploy(FILES, "found")

    def tap(*arguments: str) -> tuple[int, str]:
        where = {"TAPWATER_URL": platform.url, "TAPWATER_TOKEN": platform.token}
        done = CliRunner().invoke(build(), ["--json", *arguments], env=where)
        return done.exit_code, done.output

    code, said = tap("export", "source", "found", "-o", str(tmp_path / "back"))
    assert (code, json.loads(said)["files"]) == (0, len(FILES))
    assert (tmp_path / "back/lib.py").read_text() == FILES["lib.py"]
    code, said = tap("export", "source", "found", "-o", str(tmp_path / "back"))
    assert (code, "is not empty" in said) == (2, True)
    code, said = tap("export", "aws", "--app", "found", "-o", str(tmp_path / "aws"))
    assert (code, json.loads(said)["app"]) == (0, "found")
    assert (tmp_path / "aws/app/handlers/books_title.py").is_file()
    code, said = tap("export", "source", "nobody", "-o", str(tmp_path / "none"))
    assert code != 0
    assert "nobody" in said
