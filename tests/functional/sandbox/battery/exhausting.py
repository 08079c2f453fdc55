"""Takes all there is: processes, memory, disk, descriptors, time."""

import mmap
import os
import resource
import threading

from tests.functional.sandbox.battery.trying import refused


def fork_bomb() -> object:
    made = 0
    try:
        while made < 5000:
            if os.fork() == 0:
                threading.Event().wait()
            made += 1
    except OSError:
        return made
    return made


def thread_bomb() -> object:
    made = 0
    try:
        while made < 5000:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            made += 1
    except (OSError, RuntimeError):
        return made
    return made


def memory() -> object:
    held: list[bytearray] = []
    while True:
        held.append(bytearray(8 << 20))


def memory_of_a_child() -> None:
    pid = os.fork()
    if pid == 0:
        memory()
    os.waitpid(pid, 0)
    memory()


def shared_memory() -> None:
    held = mmap.mmap(-1, 1 << 30)
    for at in range(0, 1 << 30, 4096):
        held[at] = 1


def disk() -> object:
    written = 0
    try:
        with open("/tmp/full", "wb") as file:
            while written < 4 << 30:
                written += file.write(bytes(1 << 20))
                file.flush()
    except OSError:
        return written >> 20
    return written >> 20


def many_files() -> object:
    made = 0
    try:
        while made < 1_000_000:
            os.close(os.open(f"/tmp/{made}", os.O_CREAT))
            made += 1
    except OSError:
        return made
    return made


def memory_in_shm() -> object:
    with open("/dev/shm/full", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


def descriptors() -> object:
    held: list[int] = []
    try:
        while len(held) < 1_000_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    count = len(held)
    for fd in held:
        os.close(fd)
    return count


def pipes() -> object:
    held: list[int] = []
    try:
        while len(held) < 1_000_000:
            held += os.pipe()
    except OSError:
        pass
    count = len(held)
    for fd in held:
        os.close(fd)
    return count


def core_files() -> object:
    return resource.getrlimit(resource.RLIMIT_CORE)


def raise_the_limits() -> object:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
    except (ValueError, OSError):
        return "refused"
    return "got it"


def locked_memory() -> object:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    held = mmap.mmap(-1, 64 << 20)
    address = ctypes.addressof(ctypes.c_char.from_buffer(held))
    return libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(64 << 20))


def asynchronous_io() -> object:
    from tests.functional.sandbox.battery.trying import call

    return call("io_setup", 65536, None)


def for_ever() -> object:
    while True:
        pass


def crash() -> object:
    os.abort()


def keyring() -> object:
    return refused(open, "/proc/keys/x")
