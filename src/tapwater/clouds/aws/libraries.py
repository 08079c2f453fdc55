"""Native libraries of layers: loaded before somebody asks for them by their bare names.

Lambda starts Python with LD_LIBRARY_PATH set. Here the interpreter runs long before the function is
known, and the dynamic linker has read that variable: it only finds what is loaded already.
"""

import ctypes
import os
from collections.abc import Sequence

LIBRARIES_MAX = 256
_EXTENSIONS = (".cpython-", ".abi3.")  # Python's own way of loading finds these.


def folders(task: str, layer: str) -> list[str]:
    """List where the function has libraries of its own, as LD_LIBRARY_PATH says."""
    own = tuple(f"{folder}/" for folder in (task, layer) if folder)
    said = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [folder for folder in dict.fromkeys(said) if folder.startswith(own)]


def preload(folders: Sequence[str]) -> list[str]:
    """Load what can be loaded; give the files of which nothing came.

    One may need another: so what fails is tried again as long as others succeed.
    """
    left = [path for folder in folders for path in _found(folder)][:LIBRARIES_MAX]
    while left:
        failed = [path for path in left if not _load(path)]
        if len(failed) == len(left):
            return failed
        left = failed
    return []


def _found(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [
        os.path.join(folder, name)
        for name in names
        if ".so" in name and not any(mark in name for mark in _EXTENSIONS)
    ]


def _load(path: str) -> bool:
    try:
        ctypes.CDLL(path)
    except OSError:
        return False
    return True
