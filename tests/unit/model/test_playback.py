"""Which recorded answer fits a question."""

from tapwater_server.model.masking import written_forms
from tapwater_server.model.playback import (
    Match,
    Playback,
    join_frame,
    masked_question,
    split_frame,
    topic_of,
)
from tapwater_server.model.tape import Question


def put(path: str, body: bytes) -> bytes:
    return join_frame({"method": "PUT", "path": path, "query": {}}, body)


def told(frame: bytes, answer: bytes = b"a", **changes: bool) -> Question:
    given = {"answered": True, **changes}
    return Question(name="service", body=frame, answer=answer, **given)


def test_the_same_question_wins_over_one_about_the_same() -> None:
    playback = Playback([told(put("/docs/a", b"1"), b"one"), told(put("/docs/a", b"2"), b"two")])
    found = playback.find("service", put("/docs/a", b"2"))
    assert found.match is Match.SAME
    assert found.question is not None
    assert found.question.answer == b"two"
    other = playback.find("service", put("/docs/a", b"3"))
    assert other.match is Match.OTHER_DATA
    assert playback.find("service", put("/docs/a", b"1")).match is Match.UNKNOWN


def test_another_place_is_another_question() -> None:
    playback = Playback([told(put("/docs/a", b"1"))])
    assert playback.find("service", put("/docs/b", b"1")).match is Match.UNKNOWN
    assert playback.find("call", put("/docs/a", b"1")).match is Match.UNKNOWN
    assert len(playback.left) == 1


def test_what_was_not_answered_or_not_kept_answers_nothing() -> None:
    frame = put("/docs/a", b"1")
    playback = Playback([told(frame, answered=False), told(frame, kept=False)])
    assert playback.find("service", frame).match is Match.UNKNOWN


def test_a_question_with_a_secret_fits_its_masked_self() -> None:
    forms = written_forms(["swordfish"])
    frame = put("/docs/a", b'{"note":"swordfish","password":"x"}')
    masked = masked_question("service", frame, forms)
    assert b"swordfish" not in masked
    assert Playback([told(masked)]).find("service", frame, forms).match is Match.SAME


def test_topics_say_what_a_batch_changes() -> None:
    batch = b'{"writes":[{"set":"users/1","data":{}},{"delete":"users/2"}]}'
    frame = join_frame({"method": "POST", "path": "/docs-commit"}, batch)
    assert topic_of("service", frame) == "POST /docs-commit set users/1, delete users/2"
    asked = join_frame({"method": "GET", "path": "/docs", "query": {"limit": "3"}}, b"")
    assert topic_of("service", asked) == "GET /docs?limit=3"
    assert topic_of("secret", b'{"name":"key"}') == "secret key"
    assert topic_of("call", b"no json") == "call"


def test_what_is_no_frame_has_no_head() -> None:
    for raw in (b"", b"\x00", b"\xff\xff\xff\xffx", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x01{"):
        assert split_frame(raw) == ({}, raw)
