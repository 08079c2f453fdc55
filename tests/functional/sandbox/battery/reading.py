"""Reads what is not its own: the host's files, others' processes, secrets of the platform."""

import os

from tests.functional.sandbox.battery.trying import refused


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(64)


def shadow() -> object:
    return refused(_read, "/etc/shadow")


def root_home() -> object:
    return refused(os.listdir, "/root/.ssh")


def host_home() -> object:
    return refused(os.listdir, "/home")


def host_etc() -> object:
    return sorted(os.listdir("/etc"))


def the_root_is_ours() -> object:
    return sorted(os.listdir("/"))


def old_root_is_gone() -> object:
    """Climb out: the root's parent is the root."""
    climbed = os.stat("/" + "../" * 50)
    return climbed.st_ino == os.stat("/").st_ino and climbed.st_dev == os.stat("/").st_dev


def sys_is_not_there() -> object:
    return refused(os.listdir, "/sys")


def kernel_memory() -> object:
    return refused(_read, "/proc/kcore")


def kernel_symbols() -> object:
    return refused(_read, "/proc/kallsyms")


def kernel_log() -> object:
    return refused(_read, "/dev/kmsg")


def disks() -> object:
    return [name for name in os.listdir("/dev") if name[:2] in ("sd", "vd", "nv", "dm", "lo")]


def environment_has_nothing_of_the_platform() -> object:
    return sorted(os.environ)


def environment_of_the_first_process() -> object:
    return _read("/proc/1/environ").decode(errors="replace").find("CANARY")


def inherited_descriptors() -> object:
    kinds: dict[str, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            kinds[name] = os.readlink(f"/proc/self/fd/{name}").partition(":")[0]
        except OSError:
            continue  # The listing's own.
    return kinds


def code_of_the_neighbour() -> object:
    """Every file that can be reached and holds the neighbour's secret word."""
    found: list[str] = []
    for top in ("/app", "/layer", "/tmp", "/dev/shm", "/home", "/var", "/mnt", "/srv", "/opt"):
        for folder, _, names in os.walk(top):
            found += [n for n in names if "neighbour" in n or "canary" in folder]
    return found
