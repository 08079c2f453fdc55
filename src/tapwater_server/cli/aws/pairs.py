"""A user's own keys for servers, each made once and kept in a file that only its owner can read."""

import json
from collections.abc import Mapping
from pathlib import Path

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.places import write_private
from tapwater_server.cli.session import Session


async def own_pair(session: Session, client: Client, app: str) -> tuple[str, str]:
    """Give the key that this user has at the server; one that is revoked is made anew."""
    place, kept = f"{session.url()} {app}", read_pairs(session.config)
    path = path_of("apps", app, "aws-keys")
    known = kept.get(place)
    if known is not None:
        there = (await client.get(path)).get("keys", [])
        if any(key["access_key"] == known[0] and key["active"] for key in there):
            return known
    made = await client.ask("POST", path, body={})
    pair = (str(made["access_key"]), str(made["secret_key"]))
    write_pairs(session.config, {**kept, place: pair})
    return pair


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
