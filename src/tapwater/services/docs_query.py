"""Queries, put together step by step: ``docs.query("users").where("age", ">", 3).limit(10)``."""

from collections.abc import Iterator
from copy import copy
from typing import Any, Self

from tapwater.services.docs_values import Doc, read_doc
from tapwater.services.speaking import ask_json
from tapwater.services.transport import Transport

PAGE_MAX = 1000


class Page(list[Doc]):
    """Some documents; ``after`` leads to the next. ``advice`` names an index that is missed."""

    def __init__(self, found: list[Doc], after: str, advice: dict[str, Any] | None) -> None:
        super().__init__(found)
        self.after, self.advice = after, advice


class Query:
    """A query; each step gives a new one. Iterating goes through all pages."""

    def __init__(self, transport: Transport, collection: str, *, group: bool = False) -> None:
        self._transport = transport
        self._asked: dict[str, Any] = {"collection": collection}
        if group:
            self._asked["group"] = True
        self._limit: int | None = None

    def where(self, field: str, op: str, value: Any) -> Self:
        """Only documents of which this holds too.

        Operators: == != < <= > >= in, not in, contains, starts with, exists.
        """
        return self._with("where", [*self._asked.get("where", []), [field, op, value]])

    def where_any(self, *conditions: tuple[str, str, Any]) -> Self:
        """Only documents of which at least one of these holds."""
        some = {"or": [list(each) for each in conditions]}
        return self._with("where", [*self._asked.get("where", []), some])

    def order_by(self, *fields: str) -> Self:
        """Order by fields; ``-age`` is falling."""
        return self._with("order_by", [*self._asked.get("order_by", []), *fields])

    def select(self, *fields: str) -> Self:
        """Give only these fields."""
        return self._with("select", [*self._asked.get("select", []), *fields])

    def limit(self, count: int) -> Self:
        """Give so many documents at most."""
        new = copy(self)
        new._limit = count
        return new

    def after(self, cursor: str) -> Self:
        """Go on behind the page that came with this cursor."""
        return self._with("after", cursor)

    def page(self) -> Page:
        """Give one page: as many as ``limit`` says, 100 if it says nothing, 1,000 at most."""
        count = 100 if self._limit is None else self._limit
        said = ask_json(
            self._transport, "POST", "/docs-query", {**self._asked, "limit": min(count, PAGE_MAX)}
        )
        found = [read_doc(each) for each in said["documents"]]
        return Page(found, said["after"], said.get("advice"))

    def all(self) -> list[Doc]:
        """Give all, in memory."""
        return list(self)

    def first(self) -> Doc | None:
        return next(iter(self.limit(1)), None)

    def count(self) -> int:
        """Count them, whatever the limit."""
        said = ask_json(self._transport, "POST", "/docs-query", {**self._asked, "count": True})
        return int(said["count"])

    def watch(self, token: str = "") -> Iterator[Any]:
        """Follow the query: see ``Docs.watch``."""
        from tapwater.services.docs_watch import watch_query

        return watch_query(self._transport, self._asked, token)

    def __iter__(self) -> Iterator[Doc]:
        left, query = self._limit, self
        while left is None or left > 0:
            page = query.limit(PAGE_MAX if left is None else left).page()
            yield from page
            left = None if left is None else left - len(page)
            if not page.after:
                return
            query = query.after(page.after)

    def _with(self, name: str, value: Any) -> Self:
        new = copy(self)
        new._asked = {**self._asked, name: value}
        return new
