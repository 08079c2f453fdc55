"""Run a recorded call again: on its own revision or another, and say what differs."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.calling import place
from tapwater_server.model.differences import Difference, Ended, differences
from tapwater_server.model.errors import Conflict, NotFound
from tapwater_server.model.function import Function, Kind, Revision
from tapwater_server.model.ids import InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Outcome, Verb
from tapwater_server.model.masking import mask_headers, mask_text
from tapwater_server.model.playback import Playback
from tapwater_server.model.recording import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Recording
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker, run
from tapwater_server.ports.recordings import Recordings
from tapwater_server.ports.registry import Registry
from tapwater_server.services.replay.asking import Script, TapedBindings
from tapwater_server.services.replay.packing import FormsOf, masked_body, masked_questions

BODY_BYTES_MAX = 8 << 20  # Of the new answer; only its beginning is compared.
REPLAYS_MAX = 4  # At a time: they are for people, and use what serves clients.


class With(StrEnum):
    """Who answers what the call asks."""

    RECORDED = "recorded"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A call that was run again."""

    invocation: str
    revision: Revision
    before: Ended
    after: Ended
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]  # asked now, and not when it was recorded
    unasked: int  # recorded answers that were not wanted


class ReplayService:
    """Knows recordings, and runs them."""

    def __init__(
        self,
        *,
        recordings: Recordings,
        registry: Registry,
        invoker: Invoker,
        bindings: TapedBindings,
        forms_of: FormsOf,
        fresh_trace: Callable[[], bytes],
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._recordings, self._registry, self._invoker = recordings, registry, invoker
        self._bindings, self._forms_of = bindings, forms_of
        self._fresh_trace, self._clock, self._ids = fresh_trace, clock, ids
        self._running = 0

    async def find(self, id: str) -> Recording:
        """Give the recording of an invocation.

        Raises:
            NotFound: it was not recorded, or is gone by now.
        """
        recording = await self._recordings.get(id)
        if recording is None:
            raise NotFound(
                f"there is no recording of {id[:64]!r}: calls that fail are recorded, and a sample "
                "of the others, and kept for a while"
            )
        return recording

    def revision(self, recording: Recording, wanted: str | None) -> Revision:
        """Find the revision to run: the recording's own, or one by number, id or alias.

        Raises:
            NotFound: there is none.
        """
        app = recording.app
        if wanted is None:
            own = self._registry.revision(app, RevisionId(recording.revision))
            if own is None:
                raise NotFound("the revision that ran then is not kept any more: say another")
            return own
        number = wanted.removeprefix("r")
        for revision in self._registry.revisions(app):
            if revision.id == wanted or (number.isdigit() and revision.number == int(number)):
                return revision
        for alias in self._registry.aliases(app):
            if alias.name == wanted:
                id = max(alias.weights, key=lambda one: alias.weights[one])
                found = self._registry.revision(app, id)
                if found is not None:
                    return found
        raise NotFound(f"{app} has no revision {wanted[:64]!r}")

    async def replay(
        self, recording: Recording, *, revision: Revision, bindings: With, unknown_live: bool
    ) -> Replayed:
        """Run it again, and compare.

        Raises:
            Conflict: the recording is not whole, or too many replays run.
            NotFound: the revision has no such function.
        """
        if recording.body_cut:
            raise Conflict(
                f"the request had more than {REQUEST_BYTES_MAX} bytes, and the rest was not "
                "recorded: it cannot be sent again"
            )
        if self._running >= REPLAYS_MAX:
            raise Conflict(f"{REPLAYS_MAX} replays are running: wait until one has ended")
        function = revision.function(recording.function)
        if function is None:
            raise NotFound(f"revision {revision.number} has no function {recording.function}")
        forms = self._forms_of(recording.app)
        script = Script(
            Playback(recording.questions if bindings is With.RECORDED else ()),
            forms=forms,
            unknown_live=unknown_live or bindings is With.LIVE,
        )
        invocation = self._invocation(recording, revision, function)
        outcome = await self._run(invocation, script if bindings is With.RECORDED else None)
        before, after = ended_then(recording), self._ended_now(invocation, outcome)
        return Replayed(
            invocation=invocation.id,
            revision=revision,
            before=before,
            after=after,
            differences=tuple(differences(before, after)),
            unknown=tuple(script.unknown),
            unasked=len(script.playback.left),
        )

    async def _run(self, invocation: Invocation, script: Script | None) -> Outcome:
        if script is not None:
            self._bindings.scripts[invocation.id] = script
        self._running += 1
        try:
            return await run(self._invoker, invocation, body_bytes_max=BODY_BYTES_MAX)
        finally:
            self._running -= 1
            self._bindings.scripts.pop(invocation.id, None)

    def _invocation(
        self, recording: Recording, revision: Revision, function: Function
    ) -> Invocation:
        path, root_path, params = _placed(recording, function)
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=revision.id,
            function=function,
            verb=Verb(recording.verb),
            method=recording.method,
            path=path,
            root_path=root_path,
            query=recording.query,
            scheme=recording.scheme,
            host=recording.host,
            client=recording.client,
            params=params or None,
            headers=list(recording.headers),
            body=recording.body,
            user=recording.user,
            event=recording.event,
            delivery=recording.delivery,
            attempt=recording.attempt,
            replay_of=recording.id,
            traceparent=self._fresh_trace(),
            arrived_at=self._clock.monotonic(),
        )

    def _ended_now(self, invocation: Invocation, outcome: Outcome) -> Ended:
        forms = self._forms_of(invocation.function.id.app)
        tape = invocation.tape
        return Ended(
            ending=outcome.ending.value,
            status=outcome.status,
            headers=mask_headers(outcome.headers, forms),
            body=masked_body(outcome.body[:ANSWER_BYTES_MAX], outcome.headers, forms),
            message=mask_text(outcome.message, forms),
            questions=masked_questions(tape.questions, forms) if tape is not None else (),
        )


def ended_then(recording: Recording) -> Ended:
    """How the recorded call ended."""
    return Ended(
        ending=recording.ending,
        status=recording.status,
        headers=recording.answer_headers,
        body=recording.answer,
        message=recording.message,
        questions=recording.questions,
    )


def _placed(recording: Recording, function: Function) -> tuple[str, str, dict[str, str]]:
    """Where the call goes in this revision: its route may have another pattern by now."""
    if function.kind is not Kind.RESTFUL or function.route is None:
        return recording.path, recording.root_path, dict(recording.params)
    if function.route.mount:
        return recording.path, function.route.path.rstrip("/"), {}
    return place(function, recording.root_path + recording.path, recording.params)
