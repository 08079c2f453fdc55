"""Two platforms on one data directory would bill and lose things between them: one is refused."""

from pathlib import Path

import pytest

from tapwater_server.assembly.machine import held
from tapwater_server.model.errors import SettingsError


def test_a_data_directory_has_one_platform(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(SettingsError, match="already running"), held(tmp_path):
        raise AssertionError("both of them run")
    with held(tmp_path):
        pass  # The first has let go of it.
