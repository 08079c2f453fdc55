"""Settings: the strongest source wins, and every complaint comes at once."""

from pathlib import Path

import pytest

from tapwater_server.assembly.settings import load, parse
from tapwater_server.model.errors import SettingsError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "PORT", "HOST", "CONFIG", "DEV", "TLS_CERT", "KEEP_ALIVE_S"):
        monkeypatch.delenv(f"TAPWATER_{name}", raising=False)


def test_the_command_line_beats_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text('port = 1000\nhost = "::1"\nkeep_alive_s = 5\n')
    monkeypatch.setenv("TAPWATER_PORT", "2000")
    monkeypatch.setenv("TAPWATER_KEEP_ALIVE_S", "7")
    settings = load({"data": str(tmp_path), "port": 3000, "host": None})
    assert (settings.port, settings.keep_alive_s, settings.host) == (3000, 7.0, "::1")


def test_every_complaint_comes_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"data": "/d", "port": "70000", "dev": "perhaps", "tls_cert": "/x", "nonsense": 1})
    text = str(refused.value)
    assert text.count("\n") == 3
    for word in ("port: 70000", "dev: 'perhaps'", "tls_cert, tls_key", "nonsense"):
        assert word in text


@pytest.mark.parametrize(
    ("text", "size"), [("512MB", 512 << 20), ("4GiB", 4 << 30), ("1k", 1024), ("77", 77)]
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse({"data": "/d", "memory_budget": text}).memory_budget == size


def test_dev_mode_serves_loopback_only() -> None:
    with pytest.raises(SettingsError, match="loopback"):
        parse({"data": "/d", "dev": True, "host": "0.0.0.0"})


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        load({"data": str(tmp_path), "config": str(tmp_path / "missing.toml")})


@pytest.mark.parametrize("number", ["nan", "inf", "soon"])
def test_numbers_are_numbers(number: str) -> None:
    with pytest.raises(SettingsError, match="keep_alive_s"):
        parse({"data": "/d", "keep_alive_s": number})
