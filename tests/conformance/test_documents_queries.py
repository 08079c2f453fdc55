"""DOC-5: whatever the query, the data and the indexes, what is found is what was meant."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.index import Index, IndexField
from tapwater_server.model.document.query import (
    Condition,
    Every,
    Is,
    Order,
    Query,
    Some,
    keys_of,
    matches,
    standing,
)
from tests.conformance.opened_documents import BACKENDS, SHOP, setting

FIELDS = (("a",), ("b",), ("c", "d"))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.5, -0.5, 2.0, 2**53, 2**53 + 1, -(2**63)]),
    st.sampled_from(["", "x", "xy", "xz", "\x00", "ü"]),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from("xy"), SCALARS)
)
DATA = st.fixed_dictionaries(
    {}, optional={"a": VALUES, "b": VALUES, "c": st.fixed_dictionaries({}, optional={"d": VALUES})}
)
PLACES = st.sampled_from(["t", "t", "t", "t/1/t", "t/1/t/2/t", "t/0/t", "u"])
DOCUMENTS = st.dictionaries(st.tuples(PLACES, st.sampled_from("123456789")), DATA, max_size=14)
COMPARED = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains"])
PLAIN = st.one_of(
    st.builds(Is, st.sampled_from(FIELDS), COMPARED, VALUES),
    st.builds(Is, st.sampled_from(FIELDS), st.just("exists"), st.booleans()),
    st.builds(
        Is,
        st.sampled_from(FIELDS),
        st.sampled_from(["in", "not in"]),
        st.lists(SCALARS, max_size=3),
    ),
    st.builds(Is, st.sampled_from(FIELDS), st.just("starts with"), st.sampled_from(["", "x"])),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: Every(tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: Some(tuple(of))),
    ),
    max_leaves=4,
)
QUERIES = st.builds(
    Query,
    collection=st.just("t"),
    group=st.booleans(),
    where=st.lists(CONDITIONS, max_size=3).map(lambda of: Every(tuple(of))),
    order_by=st.lists(st.builds(Order, st.sampled_from(FIELDS), st.booleans()), max_size=3).map(
        tuple
    ),
    limit=st.integers(1, 6),
)
INDEXES = st.lists(
    st.builds(
        lambda fields, group: Index(name="t", fields=tuple(fields), group=group),
        st.lists(
            st.builds(IndexField, st.sampled_from(FIELDS), st.booleans(), st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda each: each.field,
        ).filter(lambda fields: sum(each.each for each in fields) < 2),
        st.booleans(),
    ),
    max_size=4,
)


def meant(documents: dict[tuple[str, str], Any], query: Query) -> list[str]:
    """Say what a query means, the plainest way."""
    found = []
    for (place, id), data in documents.items():
        named = place.rpartition("/")[2] if query.group else place
        if named == "t" and matches(query.where, data):
            path = setting(f"{place}/{id}").path
            found.append((standing(query, keys_of(query, data), path), str(path)))
    return [path for _, path in sorted(found)]


async def asked(
    kind: str, documents: dict[tuple[str, str], Any], query: Query, indexes: list[Index]
) -> tuple[list[str], int]:
    """Ask a store for all pages, and for the count."""
    with tempfile.TemporaryDirectory() as folder:
        async with BACKENDS[kind](Path(folder)) as opened:
            half = len(documents) // 2
            writes = [setting(f"{at}/{id}", **data) for (at, id), data in documents.items()]
            await opened.documents.commit(SHOP, writes[:half])
            for index in indexes:
                await opened.documents.put_index(SHOP, index)
            await opened.build()
            # Some were there before the index and some come after, once with other data.
            await opened.documents.commit(
                SHOP, [setting(str(each.path), a="was") for each in writes[half:]]
            )
            await opened.documents.commit(SHOP, writes[half:])
            found: list[Document] = []
            while True:
                page = await opened.documents.find(SHOP, query)
                found += page.documents
                if not page.after:
                    break
                query = replace(query, after=page.after)
            counted = await opened.documents.count(SHOP, replace(query, after=""))
            return [str(each.path) for each in found], counted.count


@pytest.mark.parametrize("kind", sorted(BACKENDS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=DOCUMENTS, query=QUERIES, indexes=INDEXES)
def test_doc_5_what_is_found_is_what_was_meant(
    kind: str, documents: dict[tuple[str, str], Any], query: Query, indexes: list[Index]
) -> None:
    wanted = meant(documents, query)
    assert asyncio.run(asked(kind, documents, query, indexes)) == (wanted, len(wanted))
