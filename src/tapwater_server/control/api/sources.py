"""The source of a function, as it was deployed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tapwater_server.control.api.apps import deployed_app
from tapwater_server.control.api.calls import choose_revision, find_function
from tapwater_server.control.api.shapes import Source
from tapwater_server.control.foreign import sources
from tapwater_server.control.holding import BUNDLES
from tapwater_server.control.house import House
from tapwater_server.model.errors import NotFound
from tapwater_server.web.asked import Asked

SOURCE_BYTES_MAX = 1 << 20  # More is shown cut: nobody reads it in a browser.


async def show_source(house: House, asked: Asked) -> Source:
    app = deployed_app(house, asked)
    revision = choose_revision(house, app, asked.text("revision"))
    function = find_function(revision, asked.params["function"])
    bundle = house.folders.path(BUNDLES, revision.bundle)
    if bundle is None:
        raise NotFound(f"the code of r{revision.number} is not in the data directory any more")
    file, raw = await asyncio.to_thread(_first, bundle, sources(function))
    return Source(
        function=function.id.name,
        revision=revision.number,
        file=file,
        text=raw[:SOURCE_BYTES_MAX].decode("utf-8", "replace"),
        cut=len(raw) > SOURCE_BYTES_MAX,
    )


def _first(bundle: Path, files: Sequence[str]) -> tuple[str, bytes]:
    """Read the first of some files that is there.

    Raises:
        NotFound: none is.
    """
    found = next((file for file in files if _is_there(bundle, file)), files[0])
    return found, _read(bundle, found)


def _is_there(bundle: Path, file: str) -> bool:
    return (bundle / file).is_file() and not Path(file).is_absolute()


def _read(bundle: Path, file: str) -> bytes:
    """Read a file of a bundle. A bundle is a stranger's: a link in it leads nowhere.

    Raises:
        NotFound: it is not there, or no file of the bundle.
    """
    path = bundle / file
    if path.resolve() != bundle.resolve() / file or not path.is_file():
        raise NotFound(f"there is no file {file[:200]!r} in the bundle")
    with path.open("rb") as opened:
        return opened.read(SOURCE_BYTES_MAX + 1)
