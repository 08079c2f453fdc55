"""What the records of real calls say."""

import pytest

from tests.functional.running import Platform

FILES = {
    "restful/hello/[name].py": """
from tapwater import docs, options

options(memory="64MB")

def get(name):
    docs.set(f"seen/{name}", {"name": name})
    return {"hello": name}
""",
    "restful/broken.py": "def get():\n    raise ValueError('no')\n",
}


@pytest.mark.slow
def test_a_cold_call_a_warm_one_and_one_that_failed(platform: Platform) -> None:
    platform.deploy(FILES, "metered")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for name in ("ada", "bob"):
        answer = platform.visit("metered", f"/hello/{name}", headers={"traceparent": parent})
        assert answer.status_code == 200
    assert platform.visit("metered", "/broken").status_code == 500
    failed, warm, cold = platform.records(app="metered")
    assert (cold["cold"], warm["cold"]) == (True, False)
    assert 0 < cold["start_ms"] <= cold["queue_ms"]
    assert warm["start_ms"] == 0
    for record in (cold, warm):
        assert (record["route"], record["verb"]) == ("/hello/{name}", "http")
        assert record["memory_bytes"] == 64 << 20
        assert record["trace"] == "0af7651916cd43dd8448eb211c80319c"
        assert record["parent"] == "b7ad6b7169203331"
        assert record["span"] not in {"", record["parent"]}
        assert record["used"]["doc_writes"] == 1
    assert (failed["ending"], failed["error"]) == ("user_error", "ValueError")
    assert failed["fault"]
