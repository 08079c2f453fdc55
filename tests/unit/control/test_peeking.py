"""Options read from source text, as a guess."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.control.peeking import peek


def test_literals_are_seen() -> None:
    source = (
        "import tapwater\nfrom tapwater import options\n"
        'options(memory="1GB", timeout=COMPUTED, nonsense=1, cpu="x")\n'
        'tapwater.options(egress=["a.example:443"])\n'
        "@options(instances=(0, 3))\ndef get(): options(pids=3)\n"
    )
    assert peek(source) == {
        "memory": "1GB",
        "egress": ["a.example:443"],
        "instances": (0, 3),
    }


def test_what_is_no_python_is_no_matter() -> None:
    for source in ("options(", "options(" * 500, "options(memory='\0')", "def options(: pass"):
        assert peek(source) == {}


@given(st.text(max_size=200))
def test_nothing_raises(source: str) -> None:
    peek("options(memory='1GB')\n" + source)
