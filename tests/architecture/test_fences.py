"""Each library lives behind a fence: the few modules that may import it. The guest has none."""

import configparser
import os.path
import sys
import tomllib

from tests.architecture.tree import ROOT, Source, imports, sources

GUEST = "tapwater"
SERVER = "tapwater_server"

# Who may import what (docs/decisions/0001-dependencies.md says why each is there at all).
FENCES = {
    "anycrc": ("tapwater_server.services.blobs.digests",),
    "uvloop": ("tapwater_server.gateway", "tapwater_server.assembly"),
    "httptools": ("tapwater_server.gateway",),
    "wsproto": ("tapwater_server.gateway",),
    "zstandard": ("tapwater_server.gateway", "tapwater_server.backends.sqlite"),
    "starlette": ("tapwater_server.control", "tapwater_server.gateway.asgi"),
    "msgspec": (
        "tapwater_server.model",
        "tapwater_server.ports.meter",  # built and encoded once per call
        "tapwater_server.ports.stats",
        "tapwater_server.web",
        "tapwater_server.gateway",
        "tapwater_server.events",
        "tapwater_server.services",
        "tapwater_server.control",
        "tapwater_server.dashboard",
        "tapwater_server.clouds",
        "tapwater_server.backends",
        "tapwater_server.assembly",
        "tapwater_server.instances.structured",
    ),
    "botocore": ("tapwater_server.clouds.aws", "tapwater_server.cli.aws"),
    "yaml": (
        "tapwater_server.clouds.aws.cloudformation",
        "tapwater_server.clouds.aws.apigateway",
        "tapwater_server.cli.aws",
    ),
    "jsonschema": ("tapwater_server.clouds.aws.apigateway.bodies",),
    "samtranslator": ("tapwater_server.clouds.aws.cloudformation.sam_main",),
    "opentelemetry": ("tapwater_server.services.otlp.encoding",),
    "google": ("tapwater_server.services.otlp.encoding",),
    "cryptography": ("tapwater_server.backends.sqlite",),
    "typer": ("tapwater_server.cli",),
    "click": ("tapwater_server.cli",),
    "rich": ("tapwater_server.cli",),
    "httpx": ("tapwater_server.cli", "tapwater_server.backends.https"),
    "joserfc": ("tapwater_server.services.auth", "tapwater_server.clouds.aws.apigateway.tokens"),
    "argon2": ("tapwater_server.services.auth",),
    "cel": ("tapwater_server.rules.expressions",),
    "watchfiles": ("tapwater_server.cli",),
}
# Folders of clouds/aws that all its services use; every other one is a service.
OF_ALL_SERVICES = {"inside", "policies", "post", "protocol", "rules", "shapes"}


def third_party(source: Source) -> list[tuple[str, int]]:
    ours = {GUEST, SERVER, *sys.stdlib_module_names}
    return [
        (name.partition(".")[0], line)
        for name, line in imports(source)
        if name.partition(".")[0] not in ours
    ]


def within(module: str, fence: str) -> bool:
    return module == fence or module.startswith(f"{fence}.")


def test_libraries_stay_behind_their_fences() -> None:
    outside = [
        f"{source.name}:{line} imports {library}"
        for source in sources("src")
        for library, line in third_party(source)
        if not any(within(source.module, fence) for fence in FENCES.get(library, ()))
    ]
    assert not outside, "Libraries outside their fences (FENCES):\n" + "\n".join(outside)


def test_the_guest_imports_the_standard_library_only() -> None:
    strange = [
        f"{source.name}:{line} imports {library}"
        for source in sources("src/tapwater")
        for library, line in third_party(source)
    ]
    assert not strange, "The guest has no dependencies:\n" + "\n".join(strange)


def test_every_fence_is_a_dependency_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {text.partition(">")[0].partition("=")[0] for text in project["dependencies"]}
    imported = {library for source in sources("src") for library, _ in third_party(source)}
    modules = {
        "argon2-cffi": "argon2",
        "aws-sam-translator": "samtranslator",
        "common-expression-language": "cel",
        "opentelemetry-proto": "opentelemetry",
        "pyyaml": "yaml",
    }
    declared = {modules.get(name, name) for name in declared}
    programs = {"uv", "tzdata", "boto3"}  # Run, read as data, or shown to functions; not imported.
    # Typer's testing and errors are click's; OTLP's messages are written by Google's protobuf.
    with_others = {"click", "google"}
    assert declared - programs <= set(FENCES), "a dependency without a fence"
    assert imported <= declared | with_others, "an import that pyproject.toml does not declare"


def test_every_service_of_aws_is_a_stranger_to_the_others() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    said = contracts["importlinter:contract:services-of-aws-are-strangers"]["modules"].split()
    rooms = (ROOT / "src/tapwater_server/clouds/aws").glob("*/__init__.py")
    services = {room.parent.name for room in rooms} - OF_ALL_SERVICES
    listed = {name.rpartition(".")[2] for name in said}
    assert listed == services, ".importlinter lists the services of AWS"


def test_each_dependency_has_its_line_in_the_decision() -> None:
    decision = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [text.partition(">")[0].partition("=")[0] for text in project["dependencies"]]
    missing = [name for name in declared if f"| {name} |" not in decision]
    assert not missing, f"docs/decisions/0001-dependencies.md does not say why: {missing}"


def test_the_environment_is_read_in_settings_only() -> None:
    readers = [
        f"{source.name}:{line}"
        for source in sources("src/tapwater_server")
        if source.name != "src/tapwater_server/assembly/settings.py"
        and not source.name.startswith("src/tapwater_server/cli/")
        for line, text in enumerate(source.text.splitlines(), 1)
        if "os.environ" in text or "os.getenv" in text
    ]
    assert not readers, f"os.environ belongs into assembly/settings.py: {readers}"


def test_the_lock_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--index" not in lock
    assert "://" not in lock
    assert "--hash=sha256:" in lock
    assert not os.path.isabs(lock.split()[0])
