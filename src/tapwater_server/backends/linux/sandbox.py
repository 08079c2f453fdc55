"""The sandbox of Linux: a zygote tree in namespaces, under cgroups, behind seccomp and Landlock.

Works as root and as an ordinary user (then in a user namespace). Promises BOX-1 to BOX-6 of the
port. Where this machine cannot give namespaces, ``open()`` refuses, unless ``allow_weak``.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from tapwater_server.backends.linux.group import Group
from tapwater_server.backends.linux.headroom import Headroom
from tapwater_server.backends.linux.launcher import GUEST, BaseZygote
from tapwater_server.backends.linux.layers import Probe, describe, probe
from tapwater_server.backends.linux.places import places_of
from tapwater_server.backends.linux.spares import Spares
from tapwater_server.backends.linux.zygote import CLOSE_S_MAX, LinuxZygote, wire_limits
from tapwater_server.model import limits as ceilings
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Image, Layer

UIDS = range(1_900_000_000, 1_900_060_000)  # No system hands these out: beyond systemd's ranges.
USER_UID = 1000  # Inside the user namespace of an ordinary user.


class Plan(Protocol):
    """What a function's declared egress needs inside its network, see ``egress_plan``."""

    @property
    def hosts(self) -> str: ...

    @property
    def resolv(self) -> str: ...

    def wire(self) -> dict[str, object]: ...


class Forwarder(Protocol):
    """The host's side of one function's egress."""

    def close(self) -> None: ...


class Egress(Protocol):
    """Plans and serves egress."""

    def plan(self, egress: tuple[str, ...], *, door: str = "") -> Any: ...

    def serve(self, plan: Any, listener_fds: list[int], owner: str) -> Forwarder: ...


class Groups(Protocol):
    """Makes groups of limited processes, see ``cgroup.Cgroups``."""

    def make(self, name: str, limits: FunctionLimits) -> Group: ...

    def layers(self) -> tuple[Layer, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStats:
    """How many processes of which kind there are."""

    bases: int
    zygotes: int
    guests: int


class LinuxSandbox:
    """Makes confined processes. Lives in one running event loop.

    ``scratch``: a folder of ours alone, below the data directory. ``uids``: as root, every zygote
    gets one of these as its own user. ``allow_weak``: run with less than all namespaces, with a
    warning on every zygote, instead of refusing. ``probe`` tells what this machine lacks.
    ``spares``: of so many zygotes, the last ones used, an instance is forked ahead.
    """

    def __init__(
        self,
        *,
        cgroups: Groups,
        egress: Egress,
        scratch: str | Path,
        uids: range = UIDS,
        allow_weak: bool = False,
        spares: int = 0,
        probe: Callable[[], Probe] = probe,
    ) -> None:
        self._cgroups, self._egress = cgroups, egress
        self._root = Path(scratch) / "root"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._allow_weak = allow_weak
        self._privileged = os.geteuid() == 0
        self._uids_free = iter(uids)
        self._uids_back: list[int] = []
        self._bases: dict[str, BaseZygote] = {}
        self._zygotes: set[LinuxZygote] = set()
        self._spares = Spares(most=spares)
        self._ask = probe
        self._probe: Probe | None = None
        self._probing: asyncio.Task[Probe] | None = None

    def prepare(self, pythons: Iterable[str]) -> None:
        """Begin what takes a quarter of a second and the first function would wait for."""
        for python in pythons:
            with contextlib.suppress(StartFailed):  # open() says it to whom it concerns.
                self._base(python)
        self._begin_probe()

    async def open(self, image: Image) -> LinuxZygote:
        """Make a zygote; see the port."""
        plan = self._egress.plan(image.egress, door=image.door)
        base = self._base(image.python)
        weak = await self._weakness()
        uid = self._take_uid()
        control, theirs = socket.socketpair()
        output, theirs_output = os.pipe()
        forwarders: list[Forwarder] = []

        def idle(zygote: LinuxZygote) -> None:
            self._spares.want(zygote, image.limits)

        def released(zygote: LinuxZygote) -> None:
            self._zygotes.discard(zygote)
            self._spares.forget(zygote)
            self._uids_back.append(uid)
            for forwarder in forwarders:
                forwarder.close()

        def make_group(limits: FunctionLimits) -> Group:
            return self._cgroups.make(image.function, limits)

        # While instances are born they stand in the zygote's group.
        pids_max = image.limits.pids_max + ceilings.STARTS_IN_FLIGHT_MAX
        group = make_group(replace(image.limits, pids_max=pids_max))
        zygote = LinuxZygote(
            control,
            output,
            name=image.function,
            group=group,
            headroom=Headroom(group, image.limits),
            make_group=make_group,
            weakness=weak,
            idle=idle,
            released=released,
        )
        self._zygotes.add(zygote)
        request = self._request(image, plan, uid=uid, weak=bool(weak))
        try:
            async with asyncio.timeout(ceilings.START_S_MAX):
                fds = [theirs.detach(), theirs_output, *map(os.dup, group.entry_fds())]
                await base.open(request, fds, zygote.ended)
                listeners = await zygote.wait_built()
                forwarders.append(self._egress.serve(plan, listeners, image.function))
                await zygote.wait_ready()
        except TimeoutError as error:
            zygote.kill()
            raise StartFailed(
                f"the module of {image.function} was not imported within "
                f"{ceilings.START_S_MAX:g} s{zygote.last_words()}"
            ) from error
        except BaseException:
            zygote.kill()
            raise
        idle(zygote)
        return zygote

    async def try_layers(self) -> None:
        """Let ``layers()`` know its answer, while everything else goes on."""
        if self._probe is None:
            await asyncio.shield(self._begin_probe())

    def layers(self) -> tuple[Layer, ...]:
        """Say which layers of isolation this machine gives; asks the kernel by trying."""
        return (*describe(self._probed(), root=self._privileged), *self._cgroups.layers())

    def stats(self) -> SandboxStats:
        """Count what is alive."""
        return SandboxStats(
            bases=sum(base.alive for base in self._bases.values()),
            zygotes=len(self._zygotes),
            guests=sum(zygote.guests for zygote in self._zygotes),
        )

    async def close(self) -> None:
        """End every process that ever came out of here, and wait for it."""
        self._spares.stop()
        if self._probing is not None:
            await asyncio.gather(self._probing, return_exceptions=True)
        zygotes = list(self._zygotes)
        for zygote in zygotes:
            zygote.kill()
        bases, self._bases = list(self._bases.values()), {}
        for base in bases:
            await base.close()
        async with asyncio.timeout(CLOSE_S_MAX):
            for zygote in zygotes:
                await zygote.over.wait()

    def _base(self, python: str) -> BaseZygote:
        base = self._bases.get(python)
        if base is None or not base.alive:
            base = self._bases[python] = BaseZygote(python)
        return base

    def _probed(self) -> Probe:
        if self._probe is None:
            self._probe = self._ask()
        return self._probe

    def _begin_probe(self) -> asyncio.Task[Probe]:
        if self._probing is None:
            asking = asyncio.to_thread(self._probed)
            self._probing = asyncio.get_running_loop().create_task(asking)
        return self._probing

    async def _weakness(self) -> str:
        found = self._probe
        if found is None:
            found = await asyncio.shield(self._begin_probe())
        missing = found.missing
        if missing and not self._allow_weak:
            raise StartFailed(
                f"this machine does not let us confine functions: {missing}. "
                "Allow weak isolation in the settings to run them all the same."
            )
        return missing

    def _take_uid(self) -> int:
        if not self._privileged:
            return USER_UID
        if self._uids_back:
            return self._uids_back.pop()
        try:
            return next(self._uids_free)
        except StopIteration:
            raise StartFailed("there are more zygotes than user ids for them") from None

    def _request(self, image: Image, plan: Plan, *, uid: int, weak: bool) -> dict[str, Any]:
        code, layer = places_of(image)
        inside: Mapping[str, Any] = {
            "code": code,
            "layer": layer,
            "module": image.module,
            "function": image.function,
            "revision": image.revision,
            "environment": dict(image.environment),
            "settings": dict(image.settings),
            "after_fork_import": image.after_fork_import,
            "foreign": dict(image.foreign),
        }
        return {
            "image": inside,
            "code": str(Path(image.code).resolve()),
            "layer": str(Path(image.layer).resolve()) if image.layer else "",
            "guest": GUEST,
            "windows": [[source, place] for place, source in image.windows.items()],
            "root": str(self._root.resolve()),
            "uid": uid,
            "gid": uid,
            "userns": not self._privileged,
            "weak": weak,
            "flat": weak,
            "limits": wire_limits(image.limits),
            "egress": {
                "declared": bool(image.egress or image.door),
                "hosts": plan.hosts,
                "resolv": plan.resolv,
                "wire": plan.wire(),
            },
        }
