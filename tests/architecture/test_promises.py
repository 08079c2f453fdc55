"""Every numbered promise of a port has a test that carries its number, and the other way round."""

import re

from tests.architecture.tree import functions, sources

_IN_LINE = re.compile(r"\b([A-Z]{3})-(\d+) ")


def promises() -> dict[str, str]:
    """Give each promise ("bus_3") and the file that makes it."""
    found: dict[str, str] = {}
    for source in sources("src/tapwater_server/ports"):
        doc = source.text.partition('"""')[2].partition('"""')[0]
        for word, number in _IN_LINE.findall(doc):
            found[f"{word.lower()}_{number}"] = source.name
    return found


def carried() -> dict[str, str]:
    """Give each promise that a test's name carries, and where."""
    found: dict[str, str] = {}
    for source in sources("tests"):
        for node in functions(source):
            match = re.match(r"test_([a-z]{3})_(\d+)_", node.name)
            if match:
                found[f"{match[1]}_{match[2]}"] = f"{source.name}:{node.lineno}"
    return found


def test_every_promise_is_tested() -> None:
    made, kept = promises(), carried()
    assert made, "the ports make numbered promises"
    missing = [f"{name.replace('_', '-').upper()} ({made[name]})" for name in made.keys() - kept]
    assert not missing, f"promises without a test named test_<port>_<number>_...: {sorted(missing)}"


def test_every_numbered_test_has_its_promise() -> None:
    made = promises()
    words = {name.partition("_")[0] for name in made}
    strange = [
        where
        for name, where in carried().items()
        if name not in made and name.partition("_")[0] in words
    ]
    assert not strange, f"tests of promises that no port makes: {strange}"
