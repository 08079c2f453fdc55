"""The door's small pure decisions: codings, origins, quotas, ranges, conditions, errors."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.gateway.admission import Bucket
from tapwater_server.gateway.compression import choose_coding
from tapwater_server.gateway.cors import read_cors
from tapwater_server.gateway.errors import STATUS, outcome_answer, problem
from tapwater_server.gateway.files import Files, asked_span
from tapwater_server.gateway.handshake import agree_extensions
from tapwater_server.gateway.proxies import Proxies
from tapwater_server.gateway.shaping import choose_shape
from tapwater_server.model.invocation import Ending, Outcome, Usage
from tapwater_server.web.docs_page import CONTENT_SECURITY_POLICY, DOCS_PAGE


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"", b""),
        (b"gzip", b"gzip"),
        (b"br", b""),
        (b"*", b"zstd"),
        (b"zstd;q=0.1, gzip;q=0.9", b"gzip"),
        (b"gzip;q=0", b""),
        (b"GZIP;Q=1", b"gzip"),
        (b"gzip;q=x", b""),
        (b"identity;q=1, *;q=0", b""),
    ],
)
def test_codings(accepted: bytes, coding: bytes) -> None:
    assert choose_coding(accepted) == coding


@given(st.binary(max_size=60))
def test_any_accept_encoding_is_survived(accepted: bytes) -> None:
    assert choose_coding(accepted) in (b"", b"gzip", b"zstd")


def test_the_cache_is_told_also_when_nothing_is_compressed() -> None:
    headers, coding = choose_shape(200, [(b"content-type", b"text/plain")], b"")
    assert coding == b""
    assert (b"vary", b"accept-encoding") in headers


def test_any_origin_with_credentials_names_the_origin() -> None:
    cors = read_cors({"origins": ["*"], "credentials": True})
    assert cors is not None
    said = dict(cors.answer_headers(b"https://a.example"))
    assert said[b"access-control-allow-origin"] == b"https://a.example"
    anyone = read_cors(True)
    assert anyone is not None
    assert dict(anyone.answer_headers(b"x"))[b"access-control-allow-origin"] == b"*"


@given(st.floats(0.5, 1000), st.lists(st.floats(0, 5), max_size=60))
def test_a_bucket_never_lets_more_through_than_its_rate_and_burst(
    rate: float, pauses: list[float]
) -> None:
    bucket = Bucket(rate, now=0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now) == 0.0
    assert taken <= max(1.0, rate) + rate * now + 1e-6


@given(st.binary(max_size=30))
def test_any_range_is_inside_the_file_or_none(text: bytes) -> None:
    file = Files(Path(__file__).parent).find("/" + Path(__file__).name)
    assert file is not None
    try:
        span = asked_span(file, {b"range": b"bytes=" + text})
    except ValueError:
        return
    if span is not None:
        assert 0 <= span.start < span.end <= file.size


@pytest.mark.parametrize(
    "offer",
    [
        b"permessage-deflate; client_max_window_bits=abc",
        b"permessage-deflate; server_max_window_bits=99",
        b"x-unknown",
        b"",
    ],
)
def test_extensions_that_make_no_sense_are_left_out(offer: bytes) -> None:
    assert agree_extensions({b"sec-websocket-extensions": offer}) == ([], b"")


def test_every_ending_has_a_status_and_a_sentence() -> None:
    for ending in Ending:
        outcome = Outcome(ending=ending, usage=Usage(), message="secret")
        status, _, body = outcome_answer(outcome, invocation="1", dev=False)
        over_budget = ending in (Ending.BUDGET, Ending.SLOWED)
        assert 500 <= status <= 504 or over_budget
        assert (b"secret" in body) == (ending is Ending.OVERLOADED or over_budget)


def test_every_code_makes_a_problem() -> None:
    for code, status in STATUS.items():
        assert b'"status":%d' % status in problem(code, "detail")


def test_a_client_behind_proxies() -> None:
    proxies = Proxies(["10.0.0.0/8", "::1"])
    assert proxies.trusts("::1")
    assert proxies.trusts("::ffff:10.0.0.1")
    assert not proxies.trusts("not an address")
    assert proxies.client("10.0.0.1", b"junk") == "10.0.0.1"
    assert proxies.client("10.0.0.1", b"1.1.1.1, 2.2.2.2, 10.9.9.9") == "2.2.2.2"


def test_the_page_is_covered_by_its_policy() -> None:
    assert DOCS_PAGE.count(b"<script") == DOCS_PAGE.count(b"<script>") == 1
    assert DOCS_PAGE.count(b"<style") == DOCS_PAGE.count(b"<style>") == 1
    assert b" style=" not in DOCS_PAGE
    assert b" onclick=" not in DOCS_PAGE
    assert CONTENT_SECURITY_POLICY.count(b"sha256-") == 2
