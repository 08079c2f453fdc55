"""One quantity at a time is the same as all at once."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.usage import QUANTITIES, amounts
from tapwater_server.model.usage_single import AmountsOf
from tapwater_server.ports.meter import Record

_MS = st.floats(0, 1e8, allow_nan=False)
_BYTES = st.integers(0, 1 << 40)


@given(
    st.sampled_from(["ok", "cancelled", "timed_out", "budget_exhausted", "start_failed"]),
    st.sampled_from(["", "one"]),
    st.booleans(),
    st.booleans(),
    st.tuples(_MS, _MS, _MS, _MS),
    st.tuples(_BYTES, _BYTES, _BYTES, _BYTES, _BYTES),
    st.dictionaries(st.sampled_from(["doc_reads", "egress_bytes", "mails"]), st.floats(0, 1e6)),
)
def test_each_quantity_is_what_the_sum_has(
    ending: str,
    instance: str,
    cold: bool,
    by_function: bool,
    times: tuple[float, ...],
    sizes: tuple[int, ...],
    used: dict[str, float],
) -> None:
    record = Record(
        id="1",
        at=0.0,
        app="a",
        function="f",
        revision="r",
        method="GET",
        path="/",
        status=200,
        ending=ending,
        cold=cold,
        queue_ms=times[0],
        wall_ms=times[1],
        cpu_ms=times[2],
        start_ms=times[3],
        memory_peak_bytes=sizes[0],
        memory_bytes=sizes[1],
        bytes_in=sizes[2],
        bytes_out=sizes[3],
        egress_bytes=sizes[4],
        instance=instance,
        by_function=by_function,
        used=used,
    )
    whole, single = amounts(record), AmountsOf(record)
    for name in QUANTITIES:
        assert single.get(name, 0.0) == whole.get(name, 0.0), name
