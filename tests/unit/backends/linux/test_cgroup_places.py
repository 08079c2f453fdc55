"""Where this process stands among the cgroups, from the texts of real machines."""

from pathlib import Path

from tapwater_server.backends.linux.cgroup_places import parse_places

SYSTEMD_V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = """\
24 23 0:22 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
25 23 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
26 23 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
27 23 0:25 / /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids
"""
DOCKER_V1 = "40 39 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"


def test_v2_under_systemd() -> None:
    places = parse_places(SYSTEMD_V2, "0::/user.slice/user-1000.slice/app.scope\n")
    assert places.v1 == {}
    assert places.v2 is not None
    assert places.v2.folder == Path("/sys/fs/cgroup/user.slice/user-1000.slice/app.scope")


def test_each_v1_controller_by_itself_and_two_in_one_mount() -> None:
    places = parse_places(HYBRID, "3:memory:/job/1\n2:cpu,cpuacct:/\n1:pids:/\n0::/\n")
    assert places.v1["memory"].folder == Path("/sys/fs/cgroup/memory/job/1")
    assert places.v1["cpu"].folder == places.v1["cpuacct"].folder
    assert not places.v1["pids"].writable
    assert "freezer" not in places.v1
    assert places.v2 is not None


def test_in_a_container_the_mount_shows_only_our_part() -> None:
    places = parse_places(DOCKER_V1, "3:memory:/docker/abc/inner\n")
    assert places.v1["memory"].folder == Path("/sys/fs/cgroup/memory/inner")


def test_outside_of_our_namespace_is_the_mount_itself() -> None:
    places = parse_places(SYSTEMD_V2, "0::/../other\n")
    assert places.v2 is not None
    assert places.v2.folder == Path("/sys/fs/cgroup")


def test_nonsense_is_nothing() -> None:
    places = parse_places("what is this\n - cgroup\n", "neither\n")
    assert (places.v1, places.v2) == ({}, None)
