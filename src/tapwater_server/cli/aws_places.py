"""Where `tapwater aws env` keeps the keys it was given: a file that only its owner can read."""

import json
from collections.abc import Mapping
from pathlib import Path

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.places import write_private


def read_pairs(config: Path) -> Mapping[str, tuple[str, str]]:
    """Read keys by server and app.

    Raises:
        CommandFailed: the file is there and is not ours.
    """
    file = config / "aws-keys.json"
    try:
        raw = json.loads(file.read_text())
        pairs = raw["keys"].items()
        return {str(place): (str(pair[0]), str(pair[1])) for place, pair in pairs}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CommandFailed(
            f"{file} cannot be read: {error}", hint=f"Remove it; new keys are made: rm {file}"
        ) from error


def write_pairs(config: Path, pairs: Mapping[str, tuple[str, str]]) -> None:
    """Keep keys by server and app."""
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({"version": 1, "keys": dict(pairs)}, indent=2) + "\n"
    write_private(config / "aws-keys.json", text)
