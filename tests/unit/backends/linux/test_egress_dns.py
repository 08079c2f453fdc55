"""DNS messages from user code: any bytes at all."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.backends.linux import egress_dns as dns
from tapwater_server.backends.linux.egress_plan import Address

V4 = [ipaddress.ip_address(f"93.184.216.{n}") for n in range(20)]
V6 = [ipaddress.ip_address(f"2606:4700::{n:x}") for n in range(20)]


@given(st.binary(max_size=600))
def test_any_bytes_are_a_question_or_nothing(message: bytes) -> None:
    question = dns.parse(message)
    if question is None:
        return
    for reply in (dns.answer(question, V4), dns.failure(question, dns.Code.FAILED)):
        assert reply[:2] == message[:2]
        assert len(reply) <= dns.MESSAGE_BYTES_MAX + 12


@pytest.mark.parametrize(("kind", "given"), [(dns.A, V4), (dns.AAAA, V6)])
def test_an_answer_has_what_was_asked_for_and_fits(kind: int, given: list[Address]) -> None:
    question = dns.parse(dns.ask("a." * 100 + "example", kind, id=77))
    assert question is not None
    reply = dns.answer(question, [*V4, *V6])
    assert len(reply) <= dns.MESSAGE_BYTES_MAX
    assert reply[:2] == (77).to_bytes(2, "big")
    assert dns.read_answer(reply) == (dns.Code.OK, given[: dns.ANSWERS_MAX])


def test_names_are_read_in_lower_case_and_given_back_as_written() -> None:
    question = dns.parse(dns.ask("WwW.Example", dns.A))
    assert question is not None
    assert question.name == "www.example"
    assert b"\x03WwW\x07Example" in dns.answer(question, V4)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (dns.ask("a b.example", dns.A), dns.Code.NO_SUCH_NAME),
        (dns.ask("-a.example", dns.A), dns.Code.NO_SUCH_NAME),
        (dns.ask("a.example", dns.A)[:-2], dns.Code.MALFORMED),
        (dns.ask("a.example", dns.A)[:12] + b"\xc0\x0c\0\1\0\1", dns.Code.MALFORMED),  # a loop
        (dns.ask("a.example", dns.A)[:-1] + b"\3", dns.Code.REFUSED),  # class CHAOS
        (b"\0\1\x28\0\0\1" + bytes(6) + b"\1a\0\0\1\0\1", dns.Code.NOT_DONE),  # an UPDATE
        (b"\0\1\1\0\0\2" + bytes(6) + b"\1a\0\0\1\0\1", dns.Code.MALFORMED),  # two questions
    ],
)
def test_what_cannot_be_answered_is_said(message: bytes, code: dns.Code) -> None:
    question = dns.parse(message)
    assert question is not None
    assert question.problem is code


def test_an_answer_is_not_a_question() -> None:
    question = dns.parse(dns.ask("a.example", dns.A))
    assert question is not None
    assert dns.parse(dns.answer(question, V4)) is None
