"""Making, updating, publishing and removing functions: the fact first, then the revision, then the
fact that it is done. A kill in between leaves a function Pending or InProgress, and the next start
goes on with it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.archives import Archives, ReleasesNow
from tapwater_server.clouds.aws.lambda_.making import release_of
from tapwater_server.clouds.aws.lambda_.names import (
    LATEST,
    app_name,
    function_arn,
    no_function,
    uuid_of,
)
from tapwater_server.clouds.aws.lambda_.records import Code, Function, Version
from tapwater_server.clouds.aws.lambda_.refusals import conflict, refused
from tapwater_server.clouds.aws.lambda_.runtimes import Chosen, Machine, choose
from tapwater_server.clouds.aws.lambda_.stages import (
    check_free,
    failed,
    in_progress,
    is_same,
    sentence,
    told,
)
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.tidying import Tidying
from tapwater_server.model.errors import Conflict, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Step
from tapwater_server.ports.ids import IdSource

PATIENCE_S = 20.0  # So long a request waits for what it asked for; then it says Pending.
ATTEMPTS_MAX = 10  # Of a change that others come in between of.

Done = TypeVar("Done")
_log = logging.getLogger(__name__)
Amend = Callable[[Function], Function]


class Changing:
    """One change of a function at a time; others are told that one is in progress."""

    def __init__(
        self,
        *,
        store: Store,
        archives: Archives,
        releases: ReleasesNow,
        tidying: Tidying,
        taken: Callable[[str], bool],
        machine: Callable[[], Coroutine[Any, Any, Machine]],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store, self._archives, self._releases = store, archives, releases
        self._tidying, self._taken, self._machine = tidying, taken, machine
        self._clock, self._ids = clock, ids
        self._busy: set[tuple[str, str]] = set()
        self._untidy: set[tuple[str, str]] = set()  # to be tidied once they are not busy
        self._apps: set[str] = set()  # chosen, and not in a fact yet
        self._group: asyncio.TaskGroup | None = None

    async def run(self, repair: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Own what is being done, from the repair of what a kill left on."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await repair()
            await asyncio.get_running_loop().create_future()

    async def choice(self, runtime: str) -> Chosen:
        """Say what a runtime's functions run on.

        Raises:
            AwsError: they do not run here.
        """
        return choose(runtime, await self._machine())

    def version(self, config: Mapping[str, Any], code: Code) -> Version:
        """Make the next ``$LATEST``."""
        return Version(
            number=LATEST, config=config, code=code, modified_at=self._clock.now(), id=self.fresh()
        )

    def fresh(self) -> str:
        """Give a new RevisionId."""
        return uuid_of(self._ids.secret())

    async def create(
        self,
        account: Account,
        name: str,
        version: Version,
        *,
        tags: Mapping[str, str],
        publish: bool,
        signing: str = "",
    ) -> Function:
        """Make a function.

        Raises:
            AwsError: ResourceConflictException: there is one.
        """
        made = Function(
            name=name,
            app="",
            account=account.id,
            region=account.region,
            latest=version,
            publish=publish,
            tags=tags,
            signing=signing,
        )
        return await self._patiently(account, name, self._create(account, made))

    async def update(
        self, account: Account, name: str, change: Callable[[Function], Version], *, publish: bool
    ) -> Function:
        """Make another ``$LATEST``.

        Raises:
            AwsError: there is no such function, something is being done to it, or what ``change``
                raises.
        """

        def begin(function: Function) -> Function:
            check_free(account, function)
            following = change(function)
            return replace(function, update=records.IN_PROGRESS, next=following, publish=publish)

        async def doing() -> Function:
            await self.amend(account, name, begin)
            return await self._bring_up(account, name)

        return await self._patiently(account, name, doing())

    async def publish(
        self,
        account: Account,
        name: str,
        description: str | None,
        check: Callable[[Function], None],
    ) -> Version:
        """Make a version of ``$LATEST``, unless the last one is the same.

        Raises:
            AwsError: as for ``update``, or what ``check`` raises.
        """
        doing = self._publish(account, name, description, check)
        return await self._alone(account, name, doing)

    async def remake(self, account: Account, name: str, changed: Version) -> None:
        """Release a published version again, with other limits of its instances."""
        await self._alone(account, name, self._remake(account, name, changed))

    async def remove(self, account: Account, name: str) -> None:
        """Remove a function with its versions, aliases and app."""
        await self._alone(account, name, self._remove(account, name))

    def forget(self, account: Account, name: str) -> None:
        """Its app was removed: so is it, unless something is being done to it."""
        if self._group is not None and (account.space, name) not in self._busy:
            self._begin(account, name, self._remove(account, name))

    async def remove_version(self, account: Account, name: str, number: str) -> None:
        """Remove one published version that no alias names."""
        await self._alone(account, name, self._remove_version(account, name, number))

    async def tidy(self, account: Account, name: str) -> None:
        """Make the registry follow what was changed; while something is being done to the function,
        that is done after it.
        """
        key = (account.space, name)
        if key in self._busy:
            self._untidy.add(key)
        else:
            await self._alone(account, name, self._tidied(account, name))

    async def amend(
        self,
        account: Account,
        name: str,
        amend: Amend,
        steps: Sequence[Step] = (),
    ) -> Function:
        """Change a function's fact; what others change meanwhile stays.

        Raises:
            AwsError: there is no such function, or what ``amend`` raises.
        """
        for _ in range(ATTEMPTS_MAX):
            fact = self._store.facts.get(account.space, records.FUNCTION, name)
            if fact is None:
                raise no_function(account, name)
            changed = amend(records.read_function_value(fact.value))
            try:
                put = self._store.put(changed, version=fact.version)
                await self._store.change(account, put, *steps)
            except Conflict:
                continue
            return changed
        raise conflict("The operation cannot be performed at this time: too many changes at once.")

    async def resume(self, account: Account, function: Function) -> None:
        """After a start: go on with what was being done."""
        doing = self._bring_up if function.busy else self._tidied
        await self._alone(account, function.name, doing(account, function.name))

    async def _create(self, account: Account, made: Function) -> Function:
        if self._store.find(account, made.name) is not None:
            raise conflict(f"Function already exist: {made.name}")
        named = self._store.apps() | self._apps  # Some may not be in the registry yet.
        app = app_name(made.name, lambda label: label in named or self._taken(label))
        self._apps.add(app)
        try:
            put = self._store.put(replace(made, app=app), version=0)
            await self._store.change(account, put)
        finally:
            self._apps.discard(app)
        return await self._bring_up(account, made.name)

    async def _bring_up(self, account: Account, name: str) -> Function:
        """Release what is wanted, then write down that it is there. What goes wrong is the
        function's state.
        """
        function = self._store.find(account, name)
        if function is None:
            raise no_function(account, name)
        try:
            steps, changes = await self._released(account, function)
        except (TapwaterError, AwsError) as error:
            said = sentence(error)
            return await self.amend(account, name, lambda now: failed(now, said))
        done = await self.amend(account, name, lambda now: replace(now, **changes), steps)
        await self._tidying.tidy(account, name)
        return done

    async def _tidied(self, account: Account, name: str) -> Function | None:
        await self._tidying.tidy(account, name)
        return self._store.find(account, name)

    async def _released(
        self, account: Account, function: Function
    ) -> tuple[list[Step], dict[str, Any]]:
        wanted = function.next or function.latest
        latest = await self._release(account, function, wanted)
        changes: dict[str, Any] = {
            "latest": latest,
            "state": records.ACTIVE,
            "state_reason": "",
            "update": records.SUCCESSFUL,
            "update_reason": "",
            "next": None,
            "publish": False,
        }
        if not function.publish:
            return [], changes
        number = function.published + 1
        version = await self._release(account, function, self._numbered(latest, number))
        changes["published"] = number
        return [self._store.put_version(function.name, version)], changes

    async def _release(self, account: Account, function: Function, version: Version) -> Version:
        """Make the revision of a version; its code is unpacked again if that has been swept."""
        chosen = await self.choice(str(version.config["Runtime"]))
        code = version.code
        try:
            made = await self._releases().release(release_of(account, function, version, chosen))
        except Conflict:
            layers = self._store.layer_zips(
                account, version.config, had=version.config.get("Layers") or ()
            )
            code = await self._archives.unpack(code.zip, layers)
            version = replace(version, code=code)
            made = await self._releases().release(release_of(account, function, version, chosen))
        warnings = chosen.warning, self._store.role_warning(account, version.config)
        return replace(version, revision=made.id, warning="; ".join(filter(None, warnings)))

    async def _publish(
        self,
        account: Account,
        name: str,
        description: str | None,
        check: Callable[[Function], None],
    ) -> Version:
        function = self._found(account, name)
        check_free(account, function)
        check(function)
        last = self._store.version(account, function, str(function.published))
        if last is not None and is_same(last, function.latest):
            return last
        number = function.published + 1
        version = self._numbered(function.latest, number)
        if description is not None:
            config = {**version.config, "Description": description}
            version = replace(version, config=config)
        version = await self._release(account, function, version)
        put = self._store.put_version(name, version)
        await self.amend(account, name, lambda now: replace(now, published=number), [put])
        await self._tidying.tidy(account, name)
        return version

    async def _remake(self, account: Account, name: str, changed: Version) -> None:
        made = await self._release(account, self._found(account, name), changed)
        await self._store.change(account, self._store.put_version(name, made))
        await self._tidying.tidy(account, name)

    async def _remove(self, account: Account, name: str) -> None:
        function = self._found(account, name)
        await self._store.change(account, *self._store.drop_all(account, name))
        await self._tidying.remove(AppId(function.app))

    async def _remove_version(self, account: Account, name: str, number: str) -> None:
        for alias in self._store.aliases(account, name):
            if number == alias.version or number in alias.weights:
                raise conflict(f"The version {number} is referenced by alias {alias.name}")
        steps = self._store.drop_qualified(account, name, number)
        await self._store.change(account, self._store.drop_version(name, number), *steps)
        await self._tidying.tidy(account, name)

    def _found(self, account: Account, name: str) -> Function:
        function = self._store.find(account, name)
        if function is None:
            raise no_function(account, name)
        return function

    def _numbered(self, latest: Version, number: int) -> Version:
        return replace(latest, number=str(number), id=self.fresh(), revision="", instances_min=0)

    async def _patiently(
        self, account: Account, name: str, doing: Coroutine[Any, Any, Function]
    ) -> Function:
        """Do something to a function; wait for its end within reason."""
        outcome = self._begin(account, name, doing)
        await asyncio.wait([outcome], timeout=PATIENCE_S)
        return outcome.result() if outcome.done() else self._found(account, name)

    async def _alone(self, account: Account, name: str, doing: Coroutine[Any, Any, Done]) -> Done:
        return await self._begin(account, name, doing)

    def _begin(
        self, account: Account, name: str, doing: Coroutine[Any, Any, Done]
    ) -> asyncio.Future[Done]:
        """Do something to its end, also when who asked for it has gone.

        Raises:
            AwsError: something else is being done to this function.
        """
        key = (account.space, name)
        if key in self._busy or self._group is None:
            doing.close()
            raise in_progress(function_arn(account, name))
        outcome: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._busy.add(key)
        self._group.create_task(_through(self._held(account, name, doing), outcome))
        return outcome

    async def _held(self, account: Account, name: str, doing: Coroutine[Any, Any, Done]) -> Done:
        key = (account.space, name)
        try:
            done = await doing
            while key in self._untidy:
                self._untidy.discard(key)
                await self._tidying.tidy(account, name)
            return done
        finally:
            self._busy.discard(key)
            self._untidy.discard(key)


async def _through(doing: Coroutine[Any, Any, Done], outcome: asyncio.Future[Done]) -> None:
    try:
        result = await doing
    except (TapwaterError, AwsError) as error:
        if not outcome.done():
            outcome.set_exception(told(error))
    except Exception as error:
        # A border: a mistake of ours in one change must not end all others.
        _log.exception("a change of a Lambda function failed")
        if not outcome.done():
            outcome.set_exception(refused("ServiceException", f"{type(error).__name__}", 500))
    else:
        if not outcome.done():
            outcome.set_result(result)
