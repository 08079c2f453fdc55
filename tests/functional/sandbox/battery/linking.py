"""Links that point where they must not lead."""

import os
from pathlib import Path

from tests.functional.sandbox.battery.trying import refused


def symlink_to_shadow() -> object:
    os.symlink("/etc/shadow", "/tmp/link")
    return refused(open, "/tmp/link")


def symlink_far_out() -> object:
    os.symlink("../" * 40 + "etc/shadow", "/tmp/out")
    return refused(open, "/tmp/out")


def hard_link_to_the_library() -> object:
    return refused(os.link, os.__file__, "/tmp/os.py")


def magic_links() -> object:
    """/proc/self/root and cwd lead to our own places only."""
    return sorted(os.listdir("/proc/self/root/proc/self/root")) == sorted(os.listdir("/"))


def setuid_bit() -> object:
    with open("/tmp/program", "wb") as file:
        file.write(Path("/usr/bin/id").read_bytes())
    os.chmod("/tmp/program", 0o6755)
    return os.popen("/tmp/program -u").read().strip() == str(os.getuid())


def swap_a_folder_for_a_link() -> object:
    os.mkdir("/tmp/place")
    os.rename("/tmp/place", "/tmp/other")
    os.symlink("/", "/tmp/place")
    return refused(open, "/tmp/place/etc/shadow")
