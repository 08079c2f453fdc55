"""How a command says that it failed: a sentence, the places, what to do, an exit code. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What a command's exit code means; documented in docs/guides/cli.md."""

    FINE = 0
    FAILED = 1  # The function, the deploy or the server said no.
    USAGE = 2  # The command was not understood; nothing was tried.
    UNREACHABLE = 3  # No Tapwater answers there.
    NOT_ALLOWED = 4  # No token, a wrong one, or one that may not do this.
    NOT_FOUND = 5
    INTERRUPTED = 130  # Ctrl-C, as shells have it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where: ``users/restful/register.py:12`` or a field's name."""

    where: str
    what: str


class CommandFailed(Exception):
    """A command cannot do what it was asked. ``hint`` says what the person can do about it."""

    def __init__(
        self,
        message: str,
        *,
        exit: Exit = Exit.FAILED,
        hint: str = "",
        code: str = "failed",
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit = exit
        self.hint = hint
        self.code = code
        self.problems = tuple(problems)

    def as_json(self) -> dict[str, Any]:
        """Give the form that ``--json`` prints."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "problems": [{"where": each.where, "what": each.what} for each in self.problems],
            "exit": int(self.exit),
        }


_EXITS: Mapping[int, Exit] = {
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
}

# What a person at the keyboard can do, by the stable code; docs/errors.md says it at length.
HINTS: Mapping[str, str] = {
    "unauthenticated": "Give a token: run `tapwater login`, set TAPWATER_TOKEN, or point --data at "
    "the server's data directory.",
    "not_allowed": "This token may not do that. `tapwater tokens ls` (as admin) shows what each "
    "token may do.",
    "not_found": "`tapwater ls` shows what there is.",
    "conflict": "Somebody else changed this meanwhile. Look again (`tapwater versions`) and retry.",
    "too_large": "List what the app does not need in .tapwaterignore.",
    "overloaded": "The platform is full right now. Try again in a moment; `tapwater top` shows "
    "what keeps it busy.",
    "budget_exhausted": "`tapwater budgets ls` shows which budget is used up; "
    "`tapwater budgets set NAME --limit ...` raises it at once.",
    "budget_slowed": "A budget is nearly used up: `tapwater budgets ls` shows it. Come back in a "
    "moment, or raise it.",
    "deploy_failed": "Nothing has changed: what was live before still is.",
    "start_failed": "The function could not be started; `tapwater logs --level error` has its "
    "traceback.",
    "user_error": "The function raised; `tapwater logs --level error` has its traceback.",
    "timed_out": "The function ran into its time limit: options(timeout=...) sets it.",
    "out_of_memory": "The function needs more than its memory limit: options(memory=...) sets it.",
    "crashed": "The process died under the call; `tapwater logs --level platform` says how.",
    "broken": "The instance broke the protocol; `tapwater logs --level platform` says how.",
    "internal": "A fault of Tapwater's own; the server's log has it.",
}


# What of an app each command lists, by the word in the path of the API.
_LISTED_BY: Mapping[str, str] = {
    "docs": "docs ls",
    "blobs": "blobs ls",
    "queues": "queue ls",
    "topics": "queue ls",
    "schedules": "schedules ls",
    "cache": "cache ls",
    "mail": "mail ls",
    "users": "users ls",
    "auth": "users ls",
    "events": "events ls",
}
# The same of what has no app in its path.
_LISTED_AT: Mapping[str, str] = {
    "alerts": "alerts ls",
    "bills": "tariffs",
    "budgets": "budgets ls",
    "faults": "errors --state all",
    "invocations": "trace",
    "projects": "projects ls",
    "recordings": "replay",
    "traces": "trace",
}


def from_problem(status: int, body: Mapping[str, Any], *, path: str = "") -> CommandFailed:
    """Read a problem+json (RFC 9457) answer of the API to a question at ``path``.

    >>> from_problem(404, {"detail": "no app 'shop'", "code": "not_found"}).exit
    <Exit.NOT_FOUND: 5>
    >>> from_problem(404, {"code": "not_found"}, path="/_/api/v1/apps/shop/docs/users/7").hint
    '`tapwater docs ls` shows what there is.'
    >>> from_problem(409, {"code": "conflict"}, path="/_/api/v1/apps/shop/users").hint
    '`tapwater users ls` shows what there is.'
    >>> from_problem(404, {"code": "not_found"}, path="/_/api/v1/faults/35f52b97").hint
    '`tapwater errors --state all` shows what there is.'
    """
    code = str(body.get("code") or "failed")
    message = str(body.get("detail") or body.get("title") or f"the server answered {status}")
    return CommandFailed(
        message,
        exit=_EXITS.get(status, Exit.FAILED),
        hint=_hint(code, path),
        code=code,
        problems=read_problems(body.get("problems")),
    )


def _hint(code: str, path: str) -> str:
    if code == "conflict" and path.endswith("/profiles"):
        return ""  # One is being taken: the sentence says all.
    if code in ("not_found", "conflict"):
        listed = _listed(path)
        if listed:
            return f"`tapwater {listed}` shows what there is."
    return HINTS.get(code, "")


def _listed(path: str) -> str:
    """Say which command lists what a path names one of."""
    words = path.split("/")[4:]  # "", "_", "api", "v1", and then "apps", APP, SERVICE, … or WHAT
    if words[:1] == ["apps"]:
        return _LISTED_BY.get(words[2], "") if len(words) > 2 else ""
    if words[:1] == ["invocations"] and words[-1] == "replay":
        return _LISTED_AT["recordings"]
    return _LISTED_AT.get(words[0], "") if words else ""


def read_problems(raw: object) -> tuple[Problem, ...]:
    """Read a list of ``{"where", "what"}``; anything else is not ours and is left out."""
    if not isinstance(raw, list):
        return ()
    return tuple(
        Problem(where=str(each.get("where", "")), what=str(each.get("what", "")))
        for each in raw
        if isinstance(each, Mapping)
    )
