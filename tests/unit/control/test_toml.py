"""tapwater.toml: what it can say, and what is said of mistakes in it."""

from tapwater_server.control.toml import parse

WHOLE = """
name = "shop"
python = "3.12"
main = "src/app.py"
dependencies = ["requests>=2"]
hosts = ["shop.example.com"]

[env]
MODE = "production"

[cors]
origins = ["https://shop.example.com"]
credentials = true
max_age = 600

[defaults]
memory = "128MB"

[functions."users/register"]
timeout = "5s"
instances = [0, 3]

[settings]
colour = "blue"
"""


def test_everything_at_once() -> None:
    file, problems = parse(WHOLE)
    assert problems == []
    assert file.name == "shop"
    assert file.python == "3.12"
    assert file.dependencies == ("requests>=2",)
    assert file.hosts == ("shop.example.com",)
    assert file.defaults == {"memory": "128MB", "environment": {"MODE": "production"}}
    assert file.functions == {"users/register": {"timeout": "5s", "instances": [0, 3]}}
    assert file.settings == {"colour": "blue"}


def test_all_mistakes_at_once_with_their_lines() -> None:
    text = """name = "Shop!"
python = "3.x"
colour = "blue"
hosts = ["not a host"]

[cors]
origin = ["*"]
max_age = -1

[defaults]
memory = "lots"
[functions."users/register"]
timeout = "soon"

[functions]
x = 3
"""
    _, problems = parse(text.replace("[functions]\nx = 3\n", ""))
    assert [problem["where"].removeprefix("tapwater.toml:") for problem in problems] == [
        "1",
        "2",
        "3",
        "4",
        "7",
        "8",
        "11",
        "13",
    ]
    assert "defaults.memory: 'lots' is not a size" in problems[6]["what"]
    assert "functions.users/register.timeout" in problems[7]["what"]


def test_what_is_no_toml_names_the_line() -> None:
    _, (problem,) = parse("name = 'a'\npython = ]\n")
    assert problem["where"] == "tapwater.toml:2"


def test_wrong_kinds_of_values() -> None:
    _, problems = parse('functions = 3\nenv = "x"\ncors = 1\ndependencies = "requests"\n')
    assert len(problems) == 4


def test_cors_for_everyone() -> None:
    assert parse("cors = true")[0].cors is True


def test_what_is_declared_of_documents_is_complained_of_by_entry() -> None:
    text = """
[[indexes]]
collection = "books"
fields = ["author", "-title"]

[[indexes]]
collection = "books"

[[ttl]]
collection = "sessions"
field = "a..b"
"""
    _, problems = parse(text)
    assert [(each["where"], each["what"].partition(":")[0]) for each in problems] == [
        ("tapwater.toml:6", "indexes, entry 2"),
        ("tapwater.toml:9", "ttl, entry 1"),
    ]
    app, problems = parse(text.replace('books"\n\n', 'books"\nfields = ["n"]\n').replace("..", "."))
    assert problems == []
    assert [each["fields"] for each in app.indexes] == [["author", "-title"], ["n"]]
    assert app.ttl == ({"collection": "sessions", "field": "a.b"},)
    assert parse("indexes = 3")[1][0]["what"].startswith("indexes, entry 1: write each one")
