"""What is wrong with a value that came in, place by place."""


class Wrong(Exception):
    """A value that cannot be what the handler wants. Places look like ``.items[2].name``."""

    def __init__(self, problems: str | list[tuple[str, str]]) -> None:
        self.problems = [("", problems)] if isinstance(problems, str) else problems
        super().__init__("; ".join(f"{where} {what}".strip() for where, what in self.problems))

    def under(self, place: str) -> list[tuple[str, str]]:
        """The problems as seen from one place further out.

        >>> Wrong("is missing").under(".name")
        [('.name', 'is missing')]
        """
        return [(place + where, what) for where, what in self.problems]
