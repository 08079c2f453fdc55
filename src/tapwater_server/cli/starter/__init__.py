"""The app that `tapwater init` writes: files as they are, with the app's name put in."""

from pathlib import Path

from tapwater_server.cli.failures import CommandFailed, Exit

_APP = Path(__file__).parent / "app"
_NAME = "__name__"  # stands for the app's name in the files
# Names that a build tool or git would take for its own are written in another way here.
_RENAMED = {"gitignore": ".gitignore", "tapwaterignore": ".tapwaterignore"}
_SUFFIX = ".txt"  # Python files too, so that nothing imports, lints or collects them here.


def write_starter(folder: Path, *, app: str) -> list[str]:
    """Write the starter app into ``folder``; give the files, in order.

    Raises:
        CommandFailed: there is something already; nothing was written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandFailed(
            f"{folder} is there already, and not empty",
            exit=Exit.USAGE,
            code="usage",
            hint="Choose another name, or remove it first: nothing is overwritten.",
        )
    written: list[str] = []
    for source in sorted(_APP.rglob(f"*{_SUFFIX}")):
        place = source.relative_to(_APP)
        name = place.name.removesuffix(_SUFFIX)
        target = folder / place.parent / _RENAMED.get(name, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace(_NAME, app))
        written.append(str(target.relative_to(folder)))
    return written
