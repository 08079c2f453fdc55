"""kill -9 under load: every acknowledged write is there, and its event, and its index entry."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tapwater.services.docs import Docs
from tapwater.services.docs_watch import Change
from tapwater.services.http_transport import HttpTransport
from tapwater.services.transport import ServiceError
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
WRITERS = 4
WRITES_MIN = 200


def write(platform: Platform, number: int, done: list[int], gone: threading.Event) -> None:
    """Count up in one document, each time with a second one in the same commit."""
    with closing(HttpTransport(platform.url, token=platform.token, app="shop")) as transport:
        docs = Docs(transport)
        with suppress(ServiceError):  # The platform was killed: so ends the load.
            while not gone.is_set():
                n = done[number] + 1
                with docs.batch() as batch:
                    batch.set(f"w/{number}", {"n": n})
                    batch.set(f"w/{number}-{n}", {"n": n})
                done[number] = n


def heard(docs: Docs, token: str, last: dict[str, int]) -> dict[str, int]:
    """Hear what was missed until it is what is there now."""
    found: dict[str, int] = {}
    changes: Iterator[Change] = docs.watch("w", token=token)
    for change in changes:
        assert change.kind in {"added", "modified"}
        assert change.doc is not None
        assert found.get(change.doc.id, 0) < change.doc["n"]
        found[change.doc.id] = change.doc["n"]
        if found == last:
            break
    changes.close()  # type: ignore[attr-defined]
    return found


def test_what_was_acknowledged_is_there_after_a_kill(own_platform: Platform) -> None:
    platform = own_platform
    platform.deploy({"hello.py": "def get():\n    return 1\n"}, "shop")
    platform.api("POST", "/apps/shop/docs-indexes", json={"collection": "w", "fields": ["n"]})
    with closing(HttpTransport(platform.url, token=platform.token, app="shop")) as transport:
        beginning = Docs(transport).watch("w")
        token = next(beginning).token
        beginning.close()  # type: ignore[attr-defined]
    done = [0] * WRITERS
    gone = threading.Event()
    threads = [
        threading.Thread(target=write, args=(platform, number, done, gone))
        for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    until(lambda: sum(done) >= WRITES_MIN, "enough was written")
    platform.kill()
    gone.set()
    for thread in threads:
        thread.join()
    platform.start()
    with closing(HttpTransport(platform.url, token=platform.token, app="shop")) as transport:
        docs = Docs(transport)
        there = {doc.id: doc["n"] for doc in docs.query("w")}
        for number, acknowledged in enumerate(done):
            n = there[str(number)]
            assert acknowledged <= n <= acknowledged + 1
            assert all(there[f"{number}-{each}"] == each for each in range(1, n + 1))
        assert len(there) == WRITERS + sum(there[str(number)] for number in range(WRITERS))
        ordered = docs.query("w").order_by("n")
        assert ordered.page().advice is None
        assert {doc.id: doc["n"] for doc in ordered} == there
        assert heard(docs, token, there) == there
