"""Takes all there is: processes, memory, disk, descriptors, time."""

import ctypes
import mmap
import os
import resource
import signal
import socket
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


def memory_of_many() -> object:
    """Each of them small, all of them together more than there is."""
    for _ in range(16):
        if os.fork() == 0:
            held = bytearray(8 << 20)
            for at in range(0, len(held), 4096):
                held[at] = 1
            threading.Event().wait()
    os.wait()
    return "some ended"


def memory_in_tmp() -> None:
    with open("/tmp/full", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


def page_cache() -> object:
    """Read what lies on the host, again and again: it is dropped, and nobody's but ours."""
    read = 0
    for folder, _, names in os.walk("/usr/lib"):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    read += len(file.read(8 << 20))
            except OSError:
                continue
            if read > 256 << 20:
                return "read"
    return "read"


def fork_and_exit() -> object:
    """A storm of processes that are over at once."""
    made = 0
    for _ in range(2000):
        try:
            pid = os.fork()
        except OSError:
            continue
        if pid == 0:
            os._exit(0)
        made += 1
        os.waitpid(pid, 0)
    return made > 0


def zombies() -> object:
    """Children nobody waits for count as processes until we do."""
    made = 0
    try:
        while made < 5000:
            if os.fork() == 0:
                os._exit(0)
            made += 1
    except OSError:
        pass
    return made


def sockets() -> object:
    held: list[socket.socket] = []
    try:
        while len(held) < 1_000_000:
            held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    except OSError:
        pass
    count = len(held)
    for one in held:
        one.close()
    return count


def memory_of_sockets() -> object:
    """Bytes that lie in socket buffers and are read by nobody."""
    held: list[socket.socket] = []
    sent = 0
    for _ in range(1000):
        try:
            pair = socket.socketpair()
            held += pair
            pair[0].setblocking(False)
            sent += pair[0].send(bytes(1 << 20))
        except OSError:
            break
    for one in held:
        one.close()
    return sent > 0


def timers_and_signals() -> object:
    """As many queued signals as the kernel takes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    libc = ctypes.CDLL(None, use_errno=True)
    queued = 0
    while queued < 100_000 and libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) == 0:
        queued += 1
    return queued


def mappings() -> object:
    held: list[mmap.mmap] = []
    try:
        while len(held) < 200_000:
            held.append(mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED))
    except OSError:
        pass
    return len(held)


def deep_folders() -> object:
    """A path far longer than any path may be."""
    os.chdir("/tmp")
    depth = 0
    try:
        while depth < 500:  # Landlock looks at all of them each time; 500 are 100,000 characters.
            os.mkdir("a" * 200)
            os.chdir("a" * 200)
            depth += 1
    except OSError:
        pass
    os.chdir("/")
    return depth
