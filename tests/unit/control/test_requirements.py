"""What an app depends on, wherever it says so."""

from collections.abc import Mapping

import pytest

from tapwater_server.control.layers import readable
from tapwater_server.control.requirements import (
    Wanted,
    gather,
    is_locked,
    layer_digest,
    lock_key,
    refusal,
    requires_python,
)

HASH = "--hash=sha256:" + "a" * 64


def gathered(
    files: Mapping[str, str], **more: object
) -> tuple[Wanted | None, list[dict[str, str]]]:
    return gather(files, files.__getitem__, **{"listed": None, "single": "", **more})  # type: ignore[arg-type]


def test_the_first_source_counts() -> None:
    files = {
        "requirements.txt": "six\n# a comment\n",
        "pyproject.toml": '[project]\ndependencies = ["flask"]\n',
    }
    listed, _ = gathered(files, listed=("requests",))
    assert listed == Wanted(source="tapwater.toml", text="requests")
    text, _ = gathered(files)
    assert text is not None
    assert text.source == "requirements.txt"
    del files["requirements.txt"]
    assert gathered(files)[0] == Wanted(source="pyproject.toml", text="flask")
    assert gathered({"a.py": ""}) == (None, [])
    assert gathered(files, listed=()) == (None, [])


def test_a_single_file_may_say_it_inline() -> None:
    source = (
        '# /// script\n# requires-python = ">=3.12"\n# dependencies = [\n#   "six",\n# ]\n# ///\n'
    )
    wanted, problems = gathered({"a.py": source}, single="a.py")
    assert problems == []
    assert wanted == Wanted(source="a.py", text="six")
    assert requires_python(["a.py"], lambda _: source, single="a.py") == ">=3.12"


def test_which_python_an_app_runs_on() -> None:
    for text, requires in [
        ('[project]\nrequires-python = ">=3.12,<4"', ">=3.12,<4"),
        ("[project]", ""),
        ("[", ""),
        ("", ""),
    ]:
        found = requires_python(["pyproject.toml"], lambda _, said=text: said, single="")  # type: ignore[misc]
        assert found == requires


def test_files_of_the_app_may_be_included() -> None:
    files = {
        "requirements.txt": "-r more/base.txt\nflask\n",
        "more/base.txt": "-r ../x.txt\n",
        "x.txt": "six",
    }
    wanted, problems = gathered(files)
    assert problems == []
    assert wanted is not None
    assert wanted.text.split() == ["six", "flask"]


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "./local",
        "/abs/wheel.whl",
        "pkg @ https://example.com/pkg.whl",
        "git+https://example.com/pkg",
        "file:///etc/passwd",
        "--find-links /etc",
        "-f .",
        "--index-url file:///etc",
        "-r /etc/passwd",
        "-r ../../etc/passwd",
        "-c constraints.txt",
    ],
)
def test_only_wheels_of_an_index(line: str) -> None:
    wanted, problems = gathered({"requirements.txt": f"six\n{line}\n"})
    assert wanted is None
    assert problems[0]["where"] == "requirements.txt:2"


@pytest.mark.parametrize("line", ["six", "six==1.16 ; python_version > '3'", "a[b]>=1,<2", "--pre"])
def test_what_may_be_written(line: str) -> None:
    assert refusal(line) == ""


def test_dynamic_and_broken_projects() -> None:
    for text in (
        '[project]\ndynamic = ["dependencies"]',
        "project = 3",
        "[",
        "[project]\ndependencies = 3",
    ):
        wanted, problems = gathered({"pyproject.toml": text})
        assert wanted is None
        assert problems[0]["where"] == "pyproject.toml"


def test_a_lock_is_recognised() -> None:
    assert is_locked(f"six==1.16.0 \\\n    {HASH} \\\n    {HASH}\n# via x\nflask==3.0 {HASH}\n")
    assert not is_locked(f"six==1.16.0 {HASH}\nflask==3.0\n")
    assert not is_locked(f"six>=1.16.0 {HASH}\n")
    assert not is_locked("")


def test_a_layer_is_named_by_what_goes_into_it() -> None:
    name = layer_digest(f"six==1.16.0 {HASH}\nflask==3.0", python="3.12", platform="linux")
    same = layer_digest(
        f"# made by hand\nflask==3.0\nsix==1.16.0 \\\n  {HASH}", python="3.12", platform="linux"
    )
    assert same == name
    assert layer_digest(f"six==1.16.0 {HASH}", python="3.12", platform="linux") != name
    assert layer_digest(f"six==1.16.0 {HASH}\nflask==3.0", python="3.13", platform="linux") != name
    wanted = Wanted(source="x", text="six")
    assert lock_key(wanted, python="3.12", platform="a") != lock_key(
        wanted, python="3.13", platform="a"
    )


def test_what_uv_says_is_readable() -> None:
    said = [
        "  \u00d7 No solution found when resolving:",
        "  \u2570\u2500\u25b6 Because a was not found",
        "",
        "error: stop",
    ]
    assert readable(said) == "No solution found when resolving: Because a was not found stop"
    assert readable([]) == "uv failed and said nothing"


@pytest.mark.parametrize(
    "line",
    [
        "--no-binary :all:",
        "--no-binary=evil",
        "--only-binary :none:",
        "--find-links /etc",
        "-e .",
        "-f https://evil.example/",
        "--trusted-host evil.example",
        "--config-settings a=b",
        "six @ file:///etc/passwd",
        "six@./six.whl",
        "six@ file:six.whl",
        "git+ssh://git@evil.example/six",
        "file:///etc/passwd",
        "./six",
        "../six.tar.gz",
        "six.whl",
        "folder/six",
        "~/six",
        "six --no-binary :all:",
        "six \\\n--no-binary :all:",
        "six==1.0 --config-settings=a=b",
        "--index-url https://evil.example/${TAPWATER_TOKEN}/simple",
        "six; python_version > '$HOME'",
    ],
)
def test_whatever_would_run_code_or_read_files_here_is_refused(line: str) -> None:
    """--no-binary had uv build the package: its setup.py ran as the platform itself."""
    wanted, problems = gathered({"requirements.txt": f"flask\n{line}\n"})
    assert wanted is None
    assert problems


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six==1.16.0",
        "Flask[async,dotenv]>=3,<4",
        "zope.interface ~= 6.0",
        "six (>=1.0)",
        "numpy>=2; python_version >= '3.12' and sys_platform == 'linux'",
        f"six==1.16.0 {HASH} {HASH}",
        "--only-binary :all:",
        "--only-binary=numpy,pandas",
        "--extra-index-url https://wheels.example/simple",
        "torch==2.3.0+cpu",
        "a!=1.*",
    ],
)
def test_packages_of_an_index_are_taken(line: str) -> None:
    assert gathered({"requirements.txt": f"flask\n{line}\n"})[1] == []


def test_uv_is_given_what_was_judged() -> None:
    text = "flask \\\n  >=3  # a comment\n\x0c\nsix\u2028jinja2\n"
    wanted, _ = gathered({"requirements.txt": text})
    assert wanted is not None
    assert wanted.text == "flask >=3\nsix\njinja2"


def test_includes_that_include_each_other_are_read_once() -> None:
    names = [f"r{n}.txt" for n in range(8)]
    lines = "".join(f"-r {name}\n" for name in names) * 50
    files = dict.fromkeys(["requirements.txt", *names], lines + "six\n")
    wanted, problems = gathered(files)
    assert problems == []
    assert wanted is not None
    assert set(wanted.text.split()) == {"six"}


def test_many_beginnings_of_inline_metadata_take_no_time() -> None:
    assert gathered({"a.py": "# /// script\n" * 200_000}, single="a.py") == (None, [])
