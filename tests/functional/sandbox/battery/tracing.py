"""Debugging others, and what /proc and its writable places would give away."""

import os
import subprocess

from tests.functional.sandbox.battery.trying import call, refused


def ptrace_attach() -> object:
    child = subprocess.Popen(["sleep", "100"])
    try:
        return call("ptrace", 16, child.pid, 0, 0)
    finally:
        child.kill()
        child.wait()


def ptrace_me() -> object:
    return call("ptrace", 0, 0, 0, 0)


def read_memory_of_another() -> object:
    return call("process_vm_readv", 1, None, 0, None, 0, 0)


def steal_a_descriptor() -> object:
    pidfd = os.pidfd_open(os.getpid())
    return call("pidfd_getfd", pidfd, 0, 0)


def processes_seen() -> object:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def write_core_pattern() -> object:
    return refused(open, "/proc/sys/kernel/core_pattern", "w")


def write_sysrq() -> object:
    return refused(open, "/proc/sysrq-trigger", "w")


def write_modprobe() -> object:
    return refused(open, "/proc/sys/kernel/modprobe", "w")


def write_own_maps() -> object:
    return refused(open, "/proc/self/uid_map", "w")


def write_oom_score() -> object:
    return refused(open, "/proc/self/oom_score_adj", "w")


def write_own_memory() -> object:
    return refused(open, "/proc/self/mem", "r+b")


def root_of_the_first_process() -> object:
    """/proc/1/root is our own root, since the first process is us."""
    return sorted(os.listdir("/proc/1/root")) == sorted(os.listdir("/"))


def cwd_of_others() -> object:
    return refused(os.readlink, "/proc/2/cwd")


def keep_the_zygote_from_dying() -> object:
    return [call("prctl", 1, 0), call("prctl", 4, 0)]


def cgroups() -> object:
    """The names of its own groups only: numbers, and nothing of the function or its neighbours."""
    with open("/proc/self/cgroup") as file:
        return sorted({line.strip().rpartition(":")[2] for line in file})


def hostname() -> object:
    return refused(open, "/proc/sys/kernel/hostname", "w")
