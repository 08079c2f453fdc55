"""A confined process that can be forked: where user code lives.

BOX-1   open() imports the function's module in confinement and returns its manifest, or raises
        StartFailed with the module's traceback. A failed open() leaves nothing behind.
BOX-2   fork() gives an instance that has the module imported and shares no socket, no pid, no
        writable file with the zygote or with other instances.
BOX-3   After kill(), or the death of the guest by itself, ``died`` is called exactly once, with
        how it ended; no process of the guest is left.
BOX-4   close() of a zygote leaves its running guests alone; the end of the sandbox (or of the
        platform, kill -9 too) ends all of them.
BOX-5   A guest that exceeds its memory limit dies and says OUT_OF_MEMORY; its neighbours live.
BOX-6   What arrives from a guest is bytes only: nothing a guest sends can raise out of here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tapwater_server.model.function import FunctionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a zygote is made of. All paths are the host's; they become read-only in the sandbox."""

    function: str  # "shop:users/register", for process titles and logs
    code: str  # folder of the unpacked bundle
    layer: str  # folder of site-packages, "" for none
    python: str  # the interpreter's executable
    module: str  # file inside the bundle, "users/restful/register.py"; "" for none
    limits: FunctionLimits  # of the zygote itself, while it imports
    environment: Mapping[str, str] = field(default_factory=dict)
    egress: tuple[str, ...] = ()
    after_fork_import: bool = False
    revision: str = ""  # what the guest says it is a revision of
    settings: Mapping[str, Any] = field(default_factory=dict)  # from tapwater.toml, for the guest
    foreign: Mapping[str, Any] = field(default_factory=dict)  # how another cloud's function runs
    door: str = ""  # of the platform's own that its network leads to: "aws"; "": none
    windows: Mapping[str, str] = field(default_factory=dict)  # place in the sandbox → host's folder


class Death(StrEnum):
    """How a guest process came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"  # by us


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """The end of a guest: how, and the exit code or signal number."""

    death: Death
    detail: int = 0


class Guest(Protocol):
    """One instance's process. ``socket_fd`` is our end of its socket: ours to read and close."""

    @property
    def pid(self) -> int: ...

    @property
    def socket_fd(self) -> int: ...

    @property
    def output_fd(self) -> int:
        """Read end of a pipe with what the guest writes past the wire: C code and programs it
        starts, on stdout and stderr. Non-blocking, ours to read and close; -1: there is none.
        """
        ...

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell; told at once if it has died already."""
        ...

    def kill(self) -> None:
        """End it and all its children, now. Does not wait."""
        ...

    def nudge(self) -> None:
        """Make it look at its socket, though it is in the middle of a call (SIGURG)."""
        ...

    def freeze(self) -> None:
        """Stop it from running, keep its memory."""
        ...

    def thaw(self) -> None:
        """Let it run again."""
        ...

    def cpu_s(self) -> float:
        """CPU seconds used so far, by it and its children. Cheap: called once per invocation."""
        ...

    def memory_peak_bytes(self) -> int:
        """The most memory it has held so far."""
        ...

    def memory_now_bytes(self) -> int:
        """What it holds now, shared pages of the zygote not counted where the kernel can tell."""
        ...


class Zygote(Protocol):
    """The warmed parent of one function's instances."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the guest said of the module. Input from a guest: check it before use."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    def said(self) -> str:
        """Give the end of what the module printed so far, while it was imported mostly."""
        ...

    def memory_bytes(self) -> int: ...

    def when_died(self, told: Callable[[Died], None]) -> None: ...

    async def fork(self, limits: FunctionLimits) -> Guest:
        """Make an instance under ``limits``; it is confined and limited before user code runs.

        Its socket then carries wire frames, HELLO first; an INVOKE may be sent before HELLO came.

        Raises:
            StartFailed: the zygote is gone or did not answer within ``FORK_S_MAX``.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of isolation on this machine, for ``tapwater doctor``."""

    name: str  # "seccomp", "cgroup memory", ...
    present: bool
    detail: str  # what it is here ("cgroup v1"), or why it is missing
    without: str  # what its absence means for the user


class Sandbox(Protocol):
    """The maker of confined processes."""

    async def open(self, image: Image) -> Zygote: ...

    def layers(self) -> tuple[Layer, ...]: ...

    async def close(self) -> None: ...
