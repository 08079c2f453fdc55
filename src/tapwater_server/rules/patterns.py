"""Which paths a rule is about: ``users/{id}``, ``avatars/**``. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PATTERN_LENGTH_MAX = 500
SEGMENTS_MAX = 32
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(=\*\*)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern, cut into segments. ``rest`` is the name of what takes all that follows; "" with
    ``open_end`` for ``**``.
    """

    text: str
    segments: tuple[str, ...]  # "{id}", "*" or a literal; without the last one if it is open
    open_end: bool = False
    rest: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters a rule may use."""
        own = tuple(part[1:-1] for part in self.segments if part[0] == "{")
        return (*own, self.rest) if self.rest else own

    def match(self, path: str) -> Mapping[str, str] | None:
        """Give the parameters of a path, or None when it is another kind of path.

        >>> read_pattern("users/{id}").match("users/42")
        {'id': '42'}
        >>> read_pattern("files/{name=**}").match("files/a/b.png")
        {'name': 'a/b.png'}
        """
        parts = path.split("/")
        wanted = len(self.segments)
        if len(parts) < wanted + self.open_end or (len(parts) > wanted and not self.open_end):
            return None
        found: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=False):
            if not part:
                return None
            if segment[0] == "{":
                found[segment[1:-1]] = part
            elif segment not in ("*", part):
                return None
        if self.rest:
            found[self.rest] = "/".join(parts[wanted:])
        return found

    def match_collection(self, path: str) -> Mapping[str, str] | None:
        """Match the path of a whole collection: the last segment stands for every document.

        >>> read_pattern("users/{id}").match_collection("users")
        {'id': ''}
        """
        if not self.segments or self.open_end or self.segments[-1][0] not in "{*":
            return None
        above = Pattern(text=self.text, segments=self.segments[:-1])
        found = above.match(path)
        last = self.segments[-1]
        return found if found is None or last == "*" else {**found, last[1:-1]: ""}


def read_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        ValueError: it is none; the text says why.
    """
    if not text or len(text) > PATTERN_LENGTH_MAX:
        raise ValueError(f"a pattern has 1 to {PATTERN_LENGTH_MAX} characters")
    parts = text.split("/")
    if len(parts) > SEGMENTS_MAX:
        raise ValueError(f"a pattern has {SEGMENTS_MAX} segments at most")
    last = _PARAMETER.fullmatch(parts[-1])
    open_end = parts[-1] == "**" or (last is not None and bool(last[2]))
    rest = last[1] if last is not None and last[2] else ""
    segments = tuple(parts[:-1] if open_end else parts)
    pattern = Pattern(text=text, segments=segments, open_end=open_end, rest=rest)
    for segment in segments:
        _check(segment)
    if len(set(pattern.names)) != len(pattern.names):
        raise ValueError("a parameter's name comes twice")
    return pattern


def _check(segment: str) -> None:
    if not segment:
        raise ValueError("a segment is empty: a pattern has no slash at its ends")
    found = _PARAMETER.fullmatch(segment)
    if segment == "**" or (found is not None and found[2]):
        raise ValueError(f"{segment} must be the last segment")
    if found is None and segment != "*" and set(segment) & set("{}*"):
        raise ValueError(f"{segment!r} is neither a name, nor {{name}}, nor *")
