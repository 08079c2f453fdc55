"""Tries to become more than it is, and to leave its namespaces and mounts."""

import ctypes
import os
import subprocess

from tapwater.runtime import kernel
from tests.functional.sandbox.battery.trying import TABLES, call, libc, refused


def become_root() -> object:
    return refused(os.setuid, 0)


def become_another_user() -> object:
    return refused(os.setuid, os.getuid() + 1)


def become_root_group() -> object:
    return refused(os.setgroups, [0])


def ids() -> object:
    return [*os.getresuid(), *os.getresgid()]


def capabilities() -> object:
    wanted = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
    with open("/proc/self/status") as file:
        pairs = [line.split(":\t") for line in file]
    return {key: value.strip() for key, value in pairs if key in wanted}


def setuid_program() -> object:
    """su, passwd and the like are there, but give nothing."""
    done = subprocess.run(["/usr/bin/su", "-c", "id -u"], capture_output=True, text=True, input="")
    return done.stdout.strip()


def new_user_namespace() -> object:
    return refused(kernel.unshare, kernel.CLONE_NEWUSER)


def every_new_namespace() -> object:
    flags = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
    return sorted({refused(kernel.unshare, flag) for flag in flags})


def the_namespaces_that_made_us() -> object:
    return refused(kernel.unshare, 0x10000000 | 0x00020000 | 0x20000000 | 0x08000000)


def clone_into_a_namespace() -> object:
    return call("clone", 0x10000000 | 17, 0, 0, 0, 0)


def clone3() -> object:
    return call("clone3", None, 0)


def enter_the_zygote_s_namespace() -> object:
    fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    return call("setns", fd, 0)


def mount_a_tmpfs() -> object:
    return refused(kernel.mount, "x", "/tmp", "tmpfs", 0)


def mount_with_our_own_flags() -> object:
    return refused(kernel.mount, "x", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV)


def bind_a_folder() -> object:
    return refused(kernel.mount, "/usr", "/tmp", "none", kernel.MS_BIND)


def make_the_root_writable() -> object:
    return refused(kernel.mount, "none", "/", "none", kernel.MS_REMOUNT | kernel.MS_BIND)


def unmount_proc() -> object:
    return refused(kernel.unmount, "/proc")


def new_mount_calls() -> object:
    return sorted({call(n, -1, 0, 0, 0, 0) for n in ("fsopen", "open_tree", "move_mount")})


def change_the_root() -> object:
    os.chdir("/tmp")
    return [call("pivot_root", b".", b"."), refused(os.chroot, "/tmp")]


def open_by_handle() -> object:
    return call("open_by_handle_at", -100, None, 0)


def make_a_device() -> object:
    return refused(os.mknod, "/tmp/disk", 0o60666, os.makedev(254, 0))


def load_a_module() -> object:
    return [call("init_module", None, 0, None), call("finit_module", -1, None, 0)]


def every_refused_call() -> object:
    """Those that our tables refuse and the kernel did not; none is called with sense."""
    through: list[str] = []
    for name in TABLES:
        plain = name not in ("clone", "unshare", "mount", "socket", "socketpair", "ioctl", "prctl")
        if not plain or name in ("personality", "memfd_create", "execveat", "mknod"):
            continue
        if call(name, -1, -1, -1, -1, -1) not in ("EPERM", "ENOSYS"):
            through.append(name)
    return through


def calls_from_the_future() -> object:
    return [libc.syscall(ctypes.c_long(n)) for n in (500, 4000, 400)], ctypes.get_errno()


def bpf_and_friends() -> object:
    names = ("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "add_key")
    return {name: call(name, 0, 0, 0, 0, 0) for name in names}


def no_randomisation() -> object:
    return call("personality", 0x0040000)


def write_the_code() -> object:
    return refused(open, "/app/function.py", "a")


def write_the_library() -> object:
    return refused(open, os.__file__, "a")


def write_the_root() -> object:
    return refused(open, "/owned", "w")


def write_etc() -> object:
    return refused(open, "/etc/hosts", "a")


def remount_by_fd() -> object:
    return call("mount_setattr", -100, b"/", 0, None, 0)
