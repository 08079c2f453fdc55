"""Where this process stands in the cgroup hierarchies. Pure: text of /proc in, places out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

CONTROLLERS_V1 = ("memory", "pids", "cpu", "cpuacct", "freezer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Our own cgroup in one hierarchy: its folder, and its name as /proc/PID/cgroup writes it."""

    folder: Path
    name: str
    mount: Path
    writable: bool  # as the mount says; the permissions are another matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Our own cgroups: one per v1 controller, and the one of v2."""

    v1: Mapping[str, Place] = field(default_factory=dict)
    v2: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    root: str
    point: str
    writable: bool
    version: int
    options: frozenset[str]


def parse_places(mountinfo: str, own: str) -> Places:
    """Read /proc/self/mountinfo and /proc/self/cgroup.

    >>> mounts = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
    >>> place = parse_places(mounts, "0::/user.slice/a").v2
    >>> str(place.folder) if place else ""
    '/sys/fs/cgroup/user.slice/a'
    """
    names = dict(_own_names(own))
    v1: dict[str, Place] = {}
    v2: Place | None = None
    for mount in filter(None, map(_mount, mountinfo.splitlines())):
        if mount.version == 2 and v2 is None and "" in names:
            v2 = _place(mount, names[""])
        for controller in CONTROLLERS_V1:
            if mount.version == 1 and controller in mount.options and controller in names:
                v1.setdefault(controller, _place(mount, names[controller]))
    return Places(v1=v1, v2=v2)


def _own_names(own: str) -> list[tuple[str, str]]:
    pairs = []
    for line in own.splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, name = rest.partition(":")
        if colon:
            pairs += [(controller, name) for controller in controllers.split(",")]
    return pairs


def _mount(line: str) -> _Mount | None:
    before, dash, after = line.partition(" - ")
    fields, kinds = before.split(), after.split()
    if not dash or len(fields) < 6 or len(kinds) < 3 or kinds[0] not in ("cgroup", "cgroup2"):
        return None
    return _Mount(
        root=_unescape(fields[3]),
        point=_unescape(fields[4]),
        writable="rw" in fields[5].split(",") and "rw" in kinds[2].split(","),
        version=2 if kinds[0] == "cgroup2" else 1,
        options=frozenset(kinds[2].split(",")),
    )


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def _place(mount: _Mount, name: str) -> Place:
    # In a container without a cgroup namespace, /proc tells the host's name, while the mount
    # shows only our part of the tree: its root is what has to be taken off.
    path, root = PurePosixPath(name), PurePosixPath(mount.root)
    inside = path.relative_to(root) if path.is_relative_to(root) else PurePosixPath()
    if ".." in inside.parts:
        inside = PurePosixPath()
    point = Path(mount.point)
    return Place(folder=point / inside, name=name, mount=point, writable=mount.writable)
