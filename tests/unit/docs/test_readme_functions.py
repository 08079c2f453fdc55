"""The functions that the front page shows are functions: they load, and answer."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapwater import blobs
from tapwater.runtime.loading import load_here
from tapwater.testing import call, fake_services, send_event

README = Path(__file__).parents[3] / "README.md"
_SHOWN = re.compile(r"^```python\n# (\S+\.py)[^\n]*\n(.*?)^```$", re.M | re.S)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    for name, text in _SHOWN.findall(README.read_text()):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    yield tmp_path
    sys.path[:] = path


def test_all_of_them_load(app: Path) -> None:
    files = [file.relative_to(app).as_posix() for file in app.rglob("*.py")]
    assert len(files) == 5
    for file in files:
        loaded = load_here({"code": str(app), "module": file, "function": f"app:{file}"})
        assert loaded.manifest["warnings"] == []


def test_a_parameter_of_the_path_and_one_of_the_query(app: Path) -> None:
    profile = app / "users/restful/profile/[id].py"
    found = call(profile, params={"id": "7"}, query={"full": "true"})
    assert found.json() == {"id": 7, "full": True}


def test_a_body_a_call_and_a_status(app: Path) -> None:
    place = app / "orders/restful/place.py"
    charge = {"payments/charge": lambda data: f"paid for {data['product']}"}
    placed = call(place, "POST", json={"product": "tea"}, calls=charge)
    assert (placed.status, placed.json()) == (201, {"receipt": "paid for tea"})
    assert call(place, "POST", json={"count": 1}, calls=charge).status == 422


def test_a_stream(app: Path) -> None:
    said = call(app / "chat/restful/tokens.py", query={"prompt": "a b"})
    assert said.text == 'data: {"token":"a"}\n\ndata: {"token":"b"}\n\n'


def test_an_event_that_comes_twice(app: Path) -> None:
    with fake_services() as services:
        for _ in range(2):
            send_event(app / "orders/reactive/ship.py", {"tea": 3}, id="7", services=services)
        assert blobs.get("archive/7") == b"{'tea': 3}"
        assert [one.key for one in blobs.list("archive/")] == ["7"]
