"""An answer that says what went wrong, as RFC 9457 wants it said: raise it from a handler."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from tapwater.headers import encoded

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """Ends the call with a status of 400 or more and a problem+json body.

    >>> raise Problem(404, "There is no such book.")
    Traceback (most recent call last):
    ...
    tapwater.problem.Problem: 404: There is no such book.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        code: str = "",
        title: str = "",
        type: str = "about:blank",
        problems: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"a Problem has a status from 400 to 599, not {status}")
        super().__init__(f"{status}: {detail or phrase(status)}")
        self.status = status
        self.detail = detail
        self.code = code or slug(phrase(status))
        self.title = title or phrase(status)
        self.type = type
        self.problems = tuple(problems)
        self.headers = encoded((headers or {}).items())

    def members(self) -> Mapping[str, object]:
        """What a kind of problem says besides; none by default."""
        return {}

    def body(self) -> bytes:
        """The JSON that goes out."""
        members: dict[str, object] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.problems:
            members["problems"] = [dict(problem) for problem in self.problems]
        members |= self.members()
        return json.dumps(members, ensure_ascii=False).encode("utf-8", "backslashreplace")


def phrase(status: int) -> str:
    """The standard name of a status.

    >>> phrase(404)
    'Not Found'
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def slug(text: str) -> str:
    """A title as a code.

    >>> slug("Not Found")
    'not_found'
    """
    return text.lower().replace(" ", "_").replace("-", "_").replace("'", "")


def invalid(where: str, what: str) -> Problem:
    """A 422 that names one place.

    >>> invalid("query.limit", "must be a whole number").problems[0]["where"]
    'query.limit'
    """
    return rejected([{"where": where, "what": what}])


def rejected(problems: list[dict[str, str]]) -> Problem:
    """A 422 that names every place."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Problem(
        422,
        f"{first['where']} {first['what']}{more}",
        code="invalid",
        title="The request is not valid",
        problems=problems,
    )
