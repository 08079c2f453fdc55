"""Which database files were found damaged while they were in use: the next start looks closer.

Looking through a whole file takes too long to do it at each start.
"""

from pathlib import Path

from tapwater_server.backends.sqlite.failing import FoundDamaged


def note_suspect(error: BaseException | None, path: Path) -> None:
    """Leave word for the next start, if that is what the error says."""
    if isinstance(error, FoundDamaged):
        try:
            _mark(path).touch(mode=0o600)
        except OSError:  # The disk does not even take that: then the next start finds out anew.
            return


def is_suspect(path: Path) -> bool:
    return _mark(path).exists()


def forget_suspect(path: Path) -> None:
    _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}-suspect")
