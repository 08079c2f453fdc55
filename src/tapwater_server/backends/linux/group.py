"""A group of processes that share limits: what a cgroup, or the watcher in its place, can do."""

from typing import Protocol

from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Layer


class Group(Protocol):
    """The processes of one zygote or one instance, limited, counted and killed together.

    Two ways in. ``attach(pid)`` moves a process from outside; the kernel makes the writer wait
    for a grace period, so it costs a millisecond of our loop. Faster (0.1 ms, and not ours): hand
    ``entry_fds()`` to the process while it still is trusted, let it write ``b"0"`` into each and
    close them, and then call ``attach(pid)``, which sees that the process is in already and only
    moves it if it is not. So a guest that did not obey is limited all the same.
    """

    def entry_fds(self) -> tuple[int, ...]:
        """Files a process enters by: it writes ``b"0"`` to each. Closed by attach() and remove();
        empty where there is no such way."""
        ...

    def attach(self, pid: int) -> None:
        """Put the process, and all it will start, under the limits; see above.

        Raises:
            ProcessLookupError: there is no such process any more.
        """
        ...

    def allow_memory(self, size_bytes: int) -> None:
        """Set another ceiling of memory, while processes are in. One below what they hold now is
        not set."""
        ...

    def oom_killed(self) -> bool:
        """Say whether anything in here was killed for want of memory."""
        ...

    def cpu_s(self) -> float | None:
        """CPU seconds of all processes that ever were in here; None where nobody counts."""
        ...

    def memory_peak_bytes(self) -> int | None:
        """The most memory held so far."""
        ...

    def memory_now_bytes(self) -> int | None:
        """What is held now; pages shared with the zygote count there."""
        ...

    def freeze(self) -> None:
        """Stop every process in here."""
        ...

    def thaw(self) -> None:
        """Let them run again."""
        ...

    def kill(self) -> None:
        """SIGKILL every process in here, frozen or not. Does not wait for them to be gone."""
        ...

    def remove(self) -> None:
        """The group is not needed any more. Whatever still runs in it is killed."""
        ...


class Plot(Group, Protocol):
    """A group as its hierarchy sees it: made empty in advance, limited when somebody takes it."""

    def limit(self, limits: FunctionLimits) -> None:
        """Set the ceilings, before anybody is in; those that stand already are not written."""
        ...

    def gone(self) -> bool:
        """After remove(): try to clear the folders away; False while processes are still dying."""
        ...


class Hierarchy(Protocol):
    """Where groups are made: cgroup v1, cgroup v2, or the watcher."""

    def make(self) -> Plot:
        """Give a new, empty group without limits."""
        ...

    def sweep(self) -> int:
        """Kill and remove what an earlier platform of this owner left; say how many groups."""
        ...

    def layers(self) -> tuple[Layer, ...]: ...

    def close(self) -> None:
        """Remove the folder the groups were in. All groups are gone before."""
        ...
