"""The dashboard's files: how they are sent, and what stands in none of them."""

import re
from pathlib import Path

import pytest

from tapwater_server.dashboard.files import INDEX, Files
from tapwater_server.dashboard.site import PAGES

STATIC = Path(__file__).parents[3] / "src/tapwater_server/dashboard/static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
STYLES = sorted(STATIC.rglob("*.css"))
LINES_MAX = 400


def named(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


def test_each_file_is_found_and_nothing_else_is() -> None:
    files = Files()
    for path in (*SCRIPTS, *STYLES, STATIC / INDEX):
        said = files.find(named(path), known="")
        assert said is not None
        assert said.body == path.read_bytes()
        assert said.headers["x-content-type-options"] == "nosniff"
    for name in ("", "..", "../site.py", "/etc/passwd", "pages", "pages/", "app.js/", "APP.JS"):
        assert files.find(name, known="") is None


def test_who_has_it_already_is_told_so() -> None:
    files = Files()
    said = files.find("app.js", known="")
    assert said is not None
    again = files.find("app.js", known=f"W/{said.headers['etag']}")
    assert again is not None
    assert (again.status, again.body) == (304, b"")


def test_the_page_allows_nothing_from_elsewhere_and_nothing_inline() -> None:
    said = Files().find(INDEX, known="")
    assert said is not None
    policy = said.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(rb"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", said.body)  # type: ignore[arg-type]


def test_every_route_is_a_page_that_the_server_knows() -> None:
    text = (STATIC / "routes.js").read_text()
    routes = re.findall(r'\{ path: "([^"]*)", page: "([^"]*)" \}', text)
    assert routes
    assert {path.partition("/")[0] for path, _ in routes} == PAGES
    missing = [page for _, page in routes if not (STATIC / f"pages/{page}.js").is_file()]
    assert not missing


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_a_script_makes_nothing_of_text(path: Path) -> None:
    text = path.read_text()
    for banned in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "sessionStorage",
        "document.cookie",
    ):
        uses = text.count(banned) - text.count(f'"{banned}"')
        assert banned == "innerHTML" or not uses, f"{named(path)}: {banned}"
    assert not re.search(r"\.innerHTML", text)
    assert not re.search(r"""(import|from)\s*\(?["'`]https?:""", text)
    stored = set(re.findall(r"localStorage\.\w+\(\"([^\"]+)\"", text))
    assert stored <= {"tapwater.theme"}, "nothing but the theme is kept in the browser"


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=named)
def test_a_file_opens_with_a_sentence_and_fits_on_some_pages(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(("// ", "/* ")), f"{named(path)} does not say what lives here"
    assert text.count("\n") <= LINES_MAX
    assert "https://" not in text.replace('"https://', ""), f"{named(path)}: loads from elsewhere?"
    assert not re.search(r"url\(\s*[\"']?(https?:)?//", text)


def test_every_import_leads_to_a_file_that_exports_it() -> None:
    exported = {path: _exports(path.read_text()) for path in SCRIPTS}
    wrong = []
    for path, text in ((path, path.read_text()) for path in SCRIPTS):
        for names, place in re.findall(r'import \{([^}]*)\} from "(\.[^"]+)"', text):
            target = (path.parent / place).resolve()
            there = exported.get(target, set())
            wanted = {name.strip().partition(" as ")[0] for name in names.split(",")} - {""}
            wrong += [f"{named(path)}: {name} of {place}" for name in wanted - there]
    assert not wrong


def _exports(text: str) -> set[str]:
    found = set(re.findall(r"export (?:async )?(?:function\*?|const|class) (\w+)", text))
    for names in re.findall(r"export \{([^}]*)\}", text):
        found |= {name.strip().rpartition(" as ")[2] for name in names.split(",")} - {""}
    return found
