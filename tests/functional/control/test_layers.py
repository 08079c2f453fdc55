"""Dependencies: resolved once, built once, shared, and refused with a reason."""

import base64
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from tapwater_server.model.ids import AppId
from tests.functional.control.rig import Rig, control_rig

GET = "def get(): ...\n"


def make_wheel(folder: Path, name: str, version: str, *, code: str = "X = 1\n") -> str:
    """Write a wheel (PEP 427), and give its sha256."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "tapdemo", "1.0")
    return folder


def offline(wheels: Path) -> dict[str, str]:
    """An index that is a folder, and no network."""
    return {
        "PATH": os.defpath,
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_DEFAULT_INDEX": "https://index.invalid/simple",
        "UV_INDEX": "https://index.invalid/simple",
    }


def layer(rig: Rig, app: str) -> str:
    return rig.registry.revisions(AppId(app))[0].layer


async def test_built_once_and_shared(tmp_path: Path, wheels: Path) -> None:
    async with control_rig(tmp_path, environment=offline(wheels)) as rig:
        files = {"restful/a.py": GET, "requirements.txt": "tapdemo  # ours\n"}
        lines = await rig.deploy("shop", files)
        assert "revision" in lines[-1], lines[-1]
        assert any("tapdemo==1.0" in line.get("detail", "") for line in lines)
        path = rig.folders.path("layers", layer(rig, "shop"))
        assert path is not None
        assert (path / "tapdemo.py").read_text() == "X = 1\n"
        assert list((path / "__pycache__").glob("tapdemo.*.pyc"))
        assert rig.preparer.images[0].layer == str(path)
        make_wheel(wheels, "tapdemo", "2.0")
        lines = await rig.deploy("blog", {"restful/b.py": GET, "requirements.txt": "tapdemo"})
        assert layer(rig, "blog") == layer(rig, "shop")
        assert not any("tapdemo==" in line.get("detail", "") for line in lines)
        await rig.client.delete("/_/api/v1/apps/shop")
        assert rig.folders.path("layers", layer(rig, "blog")) == path
        await rig.client.delete("/_/api/v1/apps/blog")
        assert list((tmp_path / "folders" / "layers").iterdir()) == []
        assert list((tmp_path / "folders" / "locks").iterdir()) == []


async def test_a_lock_is_used_as_it_is(tmp_path: Path, wheels: Path) -> None:
    digest = make_wheel(wheels, "tapdemo", "1.5")
    make_wheel(wheels, "tapdemo", "9.0")
    lock = f"tapdemo==1.5 --hash=sha256:{digest}\n"
    async with control_rig(tmp_path, environment=offline(wheels)) as rig:
        await rig.deployed("shop", {"restful/a.py": GET, "requirements.txt": lock})
        path = rig.folders.path("layers", layer(rig, "shop"))
        assert path is not None
        assert (path / "tapdemo-1.5.dist-info").is_dir()


async def test_a_wrong_hash_is_refused(tmp_path: Path, wheels: Path) -> None:
    lock = f"tapdemo==1.0 --hash=sha256:{'0' * 64}\n"
    async with control_rig(tmp_path, environment=offline(wheels)) as rig:
        problem = await rig.refused("shop", {"restful/a.py": GET, "requirements.txt": lock})
        assert "ash" in problem["problems"][0]["what"]
        assert rig.registry.apps() == []
        assert list((tmp_path / "folders" / "layers").iterdir()) == []


async def test_what_cannot_be_found_is_named(tmp_path: Path, wheels: Path) -> None:
    files = {"restful/a.py": GET, "tapwater.toml": 'dependencies = ["no-such-thing==1"]\n'}
    async with control_rig(tmp_path, environment=offline(wheels)) as rig:
        problem = await rig.refused("shop", files)
        assert problem["problems"][0]["where"] == "tapwater.toml"
        assert "no-such-thing" in problem["problems"][0]["what"]
