"""What `tapwater dev` runs side by side in one process: the platform, the watcher and the log."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.places import token_of_data
from tapwater_server.cli.session import Session

if TYPE_CHECKING:
    from tapwater_server.assembly.node import Ready
    from tapwater_server.assembly.settings import Settings
    from tapwater_server.cli.bundle import Chosen
    from tapwater_server.cli.project import Project
    from tapwater_server.cli.watching import Deployed

INBOX = "/_/inbox"


class Workshop:
    """One app, and a platform around it."""

    def __init__(self, session: Session, project: "Project", settings: "Settings") -> None:
        self._session = session
        self._project = project
        self._settings = settings
        self._node: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._held: list[Callable[[], None]] | None = []  # till the first deploy's steps are over
        self._live = 0  # the number of the revision that serves
        self._look = ""  # where the dashboard is, with a code that signs in once
        self._told: dict[str, str] = {}  # each function and where it answers, as was shown last

    async def run(self) -> None:
        """Serve until stopped.

        Raises:
            CommandFailed: the platform cannot start.
        """
        from tapwater_server.cli.serving import serve

        try:
            async with asyncio.TaskGroup() as group:
                beside = group.create_task(self._beside())
                await serve(self._settings, ready=self._node.set_result)
                beside.cancel()
        except ExceptionGroup as errors:
            failed, others = errors.split(CommandFailed)
            if others is not None or failed is None:
                raise
            raise _first(failed) from None

    async def _beside(self) -> None:
        from tapwater_server.cli.clock import monotonic
        from tapwater_server.cli.progress import shown
        from tapwater_server.cli.watching import Watched

        node = await self._node
        async with self._client(node) as client:
            watched = Watched(self._project, client=client, told=self, monotonic=monotonic)
            with shown(self._session) as steps:
                await watched.step(shown=steps)
            self._say_held()
            self._session.say(
                f"[dim]watching {self._project.file or self._project.folder}; Ctrl-C stops[/dim]"
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(watched.run())
                group.create_task(self._follow_logs(node))

    def _client(self, node: "Ready") -> Client:
        token = token_of_data(node.data)
        return Client(url=node.url, token=token.text if token else None)

    async def _make_default(self) -> None:
        """Put the app on the bare host, where one looks first."""
        async with self._client(self._node.result()) as client:
            body = {"app": self._project.name}
            await client.ask("PUT", path_of("settings", "default-app"), body=body)

    async def _find_dashboard(self) -> None:
        """A person at a terminal is signed in by the link; a file must not keep such a one."""
        node = self._node.result()
        self._look = node.dashboard
        if self._session.json or not self._session.out.is_terminal:
            return
        async with self._client(node) as client:
            made = await client.ask("POST", path_of("session-codes"))
        self._look = f"{node.dashboard}#code={made['code']}"

    async def _follow_logs(self, node: "Ready") -> None:
        from tapwater_server.cli.commands.logs import Shown, follow

        try:
            async with self._client(node) as client:
                answer = await client.get(path_of("logs"), limit=1)
                asked = {"app": self._project.name, "after": answer.get("next")}
                await follow(client, Shown(self._session), asked)
        except CommandFailed as error:
            # The platform is in this very process: it hangs up when it stops, and only then.
            if error.exit is not Exit.UNREACHABLE:
                raise

    def _say_held(self) -> None:
        held, self._held = self._held or [], None
        for said in held:
            said()

    async def deployed(self, deployed: "Deployed") -> None:
        """A change is live."""
        first = self._live == 0
        if first:
            await self._make_default()
            await self._find_dashboard()
        self._live = int(deployed.revision.get("number") or 0)
        self._say(lambda: self._show_deployed(deployed, first=first))

    def refused(self, error: CommandFailed, chosen: "Chosen | None") -> None:
        """A change is not live; what was live stays live."""
        self._say(lambda: self._show_refused(error, chosen))

    def _say(self, said: Callable[[], None]) -> None:
        if self._held is None:
            said()
        else:
            self._held.append(said)

    def _show_deployed(self, deployed: "Deployed", *, first: bool) -> None:
        from rich.markup import escape

        from tapwater_server.cli.showing import duration
        from tapwater_server.cli.watching import name_files

        for warning in deployed.warnings:
            self._session.warn(warning)
        if self._session.json:
            self._session.emit(
                {
                    "deployed": deployed.revision,
                    "changed": list(deployed.changed),
                    "ms": round(deployed.took_s * 1000, 1),
                }
            )
        elif first:
            self._show_urls(deployed)
        else:
            files = escape(name_files(deployed.changed))
            self._session.print(
                f"[bold green]{files}[/bold green] → live in "
                f"[cyan]{duration(deployed.took_s)}[/cyan] [dim]r{self._live}[/dim]"
            )
            self._show_changed(deployed)

    def _show_changed(self, deployed: "Deployed") -> None:
        """Name what is new, or answers elsewhere: the author just wrote it and wants to try it."""
        from tapwater_server.cli.functions import urls_table, where_by_name

        functions = deployed.revision.get("functions") or []
        now = where_by_name(functions)
        fresh = [one for one in functions if self._told.get(one["name"]) != now[one["name"]]]
        self._told = now
        if fresh:
            self._session.print(urls_table(fresh, head=False))

    def _show_urls(self, deployed: "Deployed") -> None:
        from tapwater_server.cli.functions import urls_table, where_by_name

        self._session.print(
            f"[bold green]{self._project.name}[/bold green] is live at "
            f"[bold]{self._node.result().url}[/bold]"
        )
        functions = deployed.revision.get("functions") or []
        self._told = where_by_name(functions)
        self._session.print(urls_table(functions))
        self._session.print(f"[dim]mails stay here: {self._node.result().url}{INBOX}[/dim]")
        # Whole, however narrow the terminal: it is there to be clicked or copied.
        self._session.out.print(f"[dim]dashboard: {self._look}[/dim]", soft_wrap=True)
        if self._settings.aws:
            self._session.print(
                '[dim]AWS\'s tools, with any keys: eval "$(tapwater aws env)"[/dim]'
            )

    def _show_refused(self, error: CommandFailed, chosen: "Chosen | None") -> None:
        from tapwater_server.cli.refusing import show_refused

        what = f"r{self._live} is still live." if self._live else "Nothing has changed."
        show_refused(self._session, error, chosen, hint=f"{what} Save a fix and it goes on.")


def _first(group: BaseExceptionGroup[CommandFailed]) -> CommandFailed:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
