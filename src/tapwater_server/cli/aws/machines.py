"""For which machine a package is built: the server's, which need not be like this one."""

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.cli.aws.project import Package
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What counts of a server when libraries are chosen. Without facts: it is like this one."""

    own: str = ""  # its own Python: "3.11"
    pythons: frozenset[str] = frozenset()
    architecture: str = ""  # "x86_64", "aarch64"

    def uv_options(self) -> Sequence[str]:
        """Say to uv what it does not see here.

        >>> Machine(architecture="none").uv_options()
        ['--python-platform', 'none-unknown-linux-gnu']
        """
        here = platform.machine()
        if sys.platform == "linux" and self.architecture in ("", here):
            return []
        return ["--python-platform", f"{self.architecture or here}-unknown-linux-gnu"]


async def machine_of(session: Session) -> Machine:
    """Ask the server what it has; who may not know builds for a machine like this one."""
    async with session.client() as client:
        try:
            said = await client.get(path_of("doctor"))
        except CommandFailed as error:
            if error.exit not in (Exit.NOT_ALLOWED, Exit.NOT_FOUND):
                raise
            return Machine()
    return read_machine(said)


def read_machine(said: Mapping[str, Any]) -> Machine:
    """Read what `tapwater doctor` knows."""
    about = said.get("machine") or {}
    versions = [str(one.get("version", "")) for one in said.get("interpreters") or ()]
    return Machine(
        own=_minor(str(about.get("python", ""))),
        pythons=frozenset(map(_minor, versions)),
        architecture=str(about.get("architecture", "")),
    )


def fitted(packages: Sequence[Package], machine: Machine) -> Iterator[tuple[Package, str]]:
    """Give each package as it is to be built there, and a warning or ""."""
    for package in packages:
        version = package.runtime.removeprefix("python")
        strange = version != package.runtime and machine.own and version not in machine.pythons
        if strange:
            what = (
                f"{package.resource}: {package.runtime} is not on the server; it runs on Python "
                f"{machine.own}, and its libraries are for that "
                f"(`uv python install {version}` there brings it)"
            )
            yield replace(package, runtime=f"python{machine.own}"), what
        else:
            yield package, ""


def _minor(version: str) -> str:
    """Leave out what does not matter to a library.

    >>> _minor("3.11.7")
    '3.11'
    """
    return ".".join(version.split(".")[:2])
