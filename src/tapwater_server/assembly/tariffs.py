"""The tariffs of this node, read once: ours from its files, the clouds' when somebody asks.

One that is wrong keeps the node from starting, and not from billing.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from tapwater_server.assembly.settings import Settings
from tapwater_server.model.errors import Invalid, SettingsError
from tapwater_server.model.tariff import Tariff, read_tariff
from tapwater_server.services.billing.shelf import OURS, Shelf

_SHADOWS = ("aws", "aws-arm", "cloudrun", "azure-consumption", "azure-flex", "cloudflare")
_MONTH = re.compile(r"-(20[0-9]{2}-(0[1-9]|1[0-2]))")


def open_shelf(settings: Settings) -> Shelf:
    """Read ours, as the operator wrote it or as it was shipped, and the clouds'."""
    return Shelf(
        own=_own(settings.tariff or settings.data / "tariff.toml", wanted=bool(settings.tariff)),
        read_shadows=_read_shadows,
    )


def _own(file: Path, *, wanted: bool) -> list[tuple[str, Tariff]]:
    """``tariff.toml`` holds from the beginning, ``tariff-2026-11.toml`` from that month on.

    Raises:
        SettingsError: one of them is no tariff, or the one that was asked for is not there.
    """
    if wanted and not file.is_file():
        raise SettingsError(f"tariff: there is no file {file}")
    first = _read(file) if file.is_file() else _shipped(OURS)
    return [("", first), *((month, _read(each)) for month, each in _dated(file))]


def _dated(file: Path) -> Iterator[tuple[str, Path]]:
    for each in sorted(file.parent.glob(f"{file.stem}-*{file.suffix}")):
        found = _MONTH.fullmatch(each.stem.removeprefix(file.stem))
        if found is not None:
            yield found[1], each


def _read(file: Path) -> Tariff:
    try:
        return read_tariff(file.read_text(), where=str(file))
    except Invalid as error:
        raise SettingsError(error.message) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None


def _read_shadows() -> Sequence[Tariff]:
    return [_shipped(name) for name in _SHADOWS]


@cache
def _shipped(name: str) -> Tariff:
    resource = files("tapwater_server.tariffs").joinpath(f"{name}.toml")
    return read_tariff(resource.read_text(), where=f"{name}.toml")
