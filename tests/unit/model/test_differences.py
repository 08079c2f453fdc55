"""In what two outcomes differ."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.differences import DIFFERENCES_MAX, Difference, Ended, differences
from tapwater_server.model.playback import join_frame
from tapwater_server.model.tape import Question


def ended(**changes: Any) -> Ended:
    return Ended(**{"ending": "ok", "status": 200, **changes})


def told(before: Ended, after: Ended) -> list[tuple[str, str, Any, Any]]:
    return [(one.what, one.at, one.before, one.after) for one in differences(before, after)]


def test_equal_outcomes_do_not_differ() -> None:
    one = ended(headers=[(b"date", b"now")], body=b"{}")
    assert told(one, ended(headers=[(b"date", b"then")], body=b"{}")) == []


def test_json_differs_member_by_member() -> None:
    before = b'{"a":1,"b":[1,2,{"c":true}],"gone":null}'
    after = b'{"a":1,"b":[1,3,{"c":1}],"new":[]}'
    assert told(ended(body=before), ended(body=after)) == [
        ("body", "$.b[1]", "2", "3"),
        ("body", "$.b[2].c", "true", "1"),
        ("body", "$.gone", "null", None),
        ("body", "$.new", None, "[]"),
    ]


def test_the_order_of_members_means_nothing() -> None:
    assert told(ended(body=b'{"a":1,"b":2}'), ended(body=b'{"b":2, "a":1}')) == []


def test_text_differs_line_by_line() -> None:
    assert told(ended(body=b"a\nb\nc"), ended(body=b"a\nx\nc\nd")) == [
        ("body", "line 2", "b", "x"),
        ("body", "line 4", None, "d"),
    ]


def test_of_bytes_the_first_that_differ_are_shown() -> None:
    assert told(ended(body=b"\xff\xfe"), ended(body=b"\xff")) == [
        ("body", "byte 1", "2 bytes: fe", "1 bytes")
    ]
    ((_, at, before, after),) = told(ended(body=b"\xff" * 99), ended(body=b"\xff\xff\x00"))
    assert (at, before, after) == ("byte 2", "99 bytes: " + "ff " * 15 + "ff…", "3 bytes: 00")


def test_an_answer_where_there_was_none() -> None:
    failed = Ended(ending="user_error", message="ValueError: no")
    assert told(failed, ended(headers=[(b"content-type", b"application/json")], body=b"1")) == [
        ("ending", "", "user_error", "ok"),
        ("status", "", None, 200),
        ("message", "", "ValueError: no", None),
        ("header", "content-type", None, "application/json"),
        ("body", "$", None, "1"),
    ]


def test_questions_differ_by_topic_and_by_what_is_sent() -> None:
    def question(path: str, body: bytes = b"") -> Question:
        return Question(name="service", body=join_frame({"method": "PUT", "path": path}, body))

    before = ended(questions=[question("/a"), question("/b", b"1"), question("/c")])
    after = ended(questions=[question("/b", b"2"), question("/c"), question("/d")])
    found = differences(before, after)
    assert found[0] == Difference(what="question", at="PUT /a", before="asked", after=None)
    assert (found[1].at, found[1].before[-1], found[1].after[-1]) == ("PUT /b $", "1", "2")
    assert found[2] == Difference(what="question", at="PUT /d", before=None, after="asked")


def test_of_what_was_sent_to_a_service_the_members_that_differ_are_shown() -> None:
    def asked(sent: bytes, **head: str) -> Question:
        frame = join_frame({"method": "PUT", "path": "/a", **head}, sent)
        return Question(name="service", body=frame)

    before = ended(questions=[asked(b'{"n":1,"same":[2]}')])
    assert differences(before, ended(questions=[asked(b'{"n":2,"same":[2]}')])) == [
        Difference(what="question", at="PUT /a $.n", before="1", after="2")
    ]
    (whole,) = differences(before, ended(questions=[asked(b"no json")]))
    assert (whole.at, whole.after[-7:]) == ("PUT /a", "no json")


def test_there_is_an_end_of_them() -> None:
    many = ended(body=str(list(range(1000))).encode())
    assert len(differences(many, ended(body=b"[]"))) == DIFFERENCES_MAX


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_bodies_of_any_kind_can_be_compared(before: bytes, after: bytes) -> None:
    found = differences(ended(body=before), ended(body=after))
    assert not found or before != after
