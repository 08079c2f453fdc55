"""What functions of other clouds find in their sandboxes besides their own code.

Credentials and what the runtimes of AWS bring along are no part of a revision: they are added each
time an image is about to become a zygote.
"""

import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tapwater_server.backends.linux.egress_plan import DOOR_ADDRESS, DOOR_PORT
from tapwater_server.model.ids import RevisionId
from tapwater_server.ports.sandbox import Image, Layer, Sandbox, Zygote

AWS = "aws"
ENDPOINT = f"http://{DOOR_ADDRESS}:{DOOR_PORT}"
Lend = Callable[[Image], Mapping[str, str]]  # The variables with a function's credentials.
Runs = Callable[[RevisionId], bool]  # Whether a call of a revision is running.

_RUNTIME = "/var/runtime"
# Lambda's runtimes for Python have AWS's client, and functions rely on it.
_CLIENT = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_NODE = "/var/lang/bin/node"


class Furnished:
    """A sandbox around a sandbox. ``lend`` is set by the room of AWS, once that is open; ``runs``
    when there is a scheduler.
    """

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner
        self._windows: Mapping[str, str] | None = None
        self._opening: Counter[tuple[str, str]] = Counter()
        self.lend: Lend | None = None
        self.runs: Runs = _nothing_runs

    async def open(self, image: Image) -> Zygote:
        """Open the image with what belongs into it."""
        if image.foreign.get("cloud") != AWS:
            return await self._inner.open(image)
        key = (image.function.partition(":")[0], image.revision)
        self._opening[key] += 1
        try:
            return await self._inner.open(self._furnish(image))
        finally:
            self._opening[key] -= 1
            self._opening += Counter()  # Forgets those at zero.

    def is_used(self, app: str, revision: str) -> bool:
        """Whether a function of a revision is being imported, or a call of it runs: the revision
        may not exist yet, or not any more.
        """
        return (app, revision) in self._opening or self.runs(RevisionId(revision))

    def layers(self) -> tuple[Layer, ...]:
        """As it is said inside."""
        return self._inner.layers()

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()

    def _furnish(self, image: Image) -> Image:
        if self._windows is None:
            self._windows = {**_packages(), **_node()}
        if self.lend is None:
            return replace(image, windows=self._windows)
        lent = {"AWS_ENDPOINT_URL": ENDPOINT, **self.lend(image)}
        environment = {**lent, **image.environment}
        return replace(image, windows=self._windows, door=AWS, environment=environment)


def _nothing_runs(_: RevisionId) -> bool:
    return False


def _packages() -> dict[str, str]:
    """Find AWS's client for Python where we ourselves would."""
    found: dict[str, Any] = {name: importlib.util.find_spec(name) for name in _CLIENT}
    places = {}
    for spec in found.values():
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            places[f"{_RUNTIME}/{source.name}"] = str(source)
    return places


def _node() -> dict[str, str]:
    """Find Node.js; what lies below /usr is seen in every sandbox anyway."""
    found = shutil.which("node")
    path = os.path.realpath(found) if found else ""
    return {} if not path or path.startswith(("/usr/", "/bin/")) else {_NODE: path}
