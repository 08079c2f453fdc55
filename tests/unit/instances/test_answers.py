"""Headers of guests: what may pass, and that the memory of the last head changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater.runtime.wire import HEAD_SIZE, Headers, WireError, pack_result
from tapwater_server.instances.answers import AnswerReader

names = st.one_of(
    st.sampled_from([b"content-type", b"x-a", b"A", b"", b"a b"]), st.binary(max_size=6)
)
headers = st.lists(st.tuples(names, st.binary(max_size=8)), max_size=4)
answers = st.tuples(st.integers(0, 700), headers, st.binary(max_size=20), st.booleans())


def read(reader: AnswerReader, payload: bytes) -> object:
    try:
        return reader.read(payload)
    except WireError as error:
        return str(error)


@given(st.lists(st.one_of(answers, st.sampled_from([(200, [], b"x", False)])), max_size=8))
def test_a_reader_with_a_memory_reads_as_a_fresh_one(
    many: list[tuple[int, Headers, bytes, bool]],
) -> None:
    reader = AnswerReader()
    for status, some, body, more in many:
        payload = pack_result(1, status, some, body, more=more)[HEAD_SIZE:]
        assert read(reader, payload) == read(AnswerReader(), payload)


@given(headers)
def test_what_passes_is_safe_on_http(some: Headers) -> None:
    got = read(AnswerReader(), pack_result(1, 200, some, b"", more=False)[HEAD_SIZE:])
    if isinstance(got, tuple):
        for name, value in got[2]:
            assert name
            assert name == name.lower()
            assert not set(name) & set(b' \t:\r\n\0()<>@,;\\"/[]?={}')
            assert not set(value) & set(b"\r\n\0")


def test_a_caller_who_changes_the_headers_changes_them_for_itself() -> None:
    reader = AnswerReader()
    payload = pack_result(1, 200, [(b"a", b"b")], b"", more=False)[HEAD_SIZE:]
    for _ in range(3):
        got = reader.read(payload)[2]
        assert got == [(b"a", b"b")]
        got.append((b"c", b"d"))


def test_what_a_call_costs_is_not_the_function_s_to_say() -> None:
    reader = AnswerReader()
    lies = [(b"tapwater-cost", b"0 EUR"), (b"x-a", b"b"), (b"tapwater-usage", b"none")]
    payload = pack_result(1, 200, lies, b"", more=False)[HEAD_SIZE:]
    for _ in range(2):
        assert reader.read(payload)[2] == [(b"x-a", b"b")]
