"""The peers: installed into the user's cache folder, outside the repository, and never updated."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.bench import machine
from tools.bench.servers import CannotMeasure, Program

HERE = Path(__file__).resolve().parent
INSTALL_S_MAX = 900

_WORKERD_CONFIG = """\
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .hello)],
  sockets = [(name = "http", address = "127.0.0.1:8080", http = (), service = "main")]
);
const hello :Workerd.Worker = (
  modules = [(name = "hello.js", esModule = embed "hello.js")],
  compatibilityDate = "2026-01-01"
);
"""
_WORKERD_SCRIPT = """\
export default {
  fetch() {
    return new Response("Hello, world!\\n", { headers: { "content-type": "text/plain" } });
  }
};
"""
_FRAMEWORK = '''\
"""The function, as functions-framework wants it."""

def hello(request):
    return "Hello, world!\\n", 200, {"content-type": "text/plain"}
'''
_FRAMEWORK_ASGI = '''\
"""The function, as functions-framework --asgi wants it."""

from starlette.responses import PlainTextResponse

async def hello(request):
    return PlainTextResponse("Hello, world!\\n")
'''
_RAY = '''\
"""The function, as Ray Serve wants it."""

from ray import serve
from starlette.responses import PlainTextResponse

@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Hello:
    async def __call__(self, request):
        return PlainTextResponse("Hello, world!\\n")

app = Hello.bind()
'''


def cache() -> Path:
    """Say where the peers live (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "tapwater-bench"


def bare() -> Program:
    """Our limit: the function called in process by the least that parses HTTP, on uvloop."""
    folder = cache() / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, str(HERE / "bare.py"), "{port}")
    return Program(name="bare function", version="in process", command=command, folder=folder)


def workerd() -> Program:
    """Cloudflare's runtime, answering from JavaScript without leaving its process."""
    folder = cache() / "workerd"
    binary = folder / "node_modules" / ".bin" / "workerd"
    if not binary.exists():
        if shutil.which("npm") is None:
            raise CannotMeasure("workerd comes from npm, and there is no npm here")
        folder.mkdir(parents=True, exist_ok=True)
        install(["npm", "install", "--prefix", str(folder), "workerd"])
    (folder / "hello.capnp").write_text(_WORKERD_CONFIG)
    (folder / "hello.js").write_text(_WORKERD_SCRIPT)
    return Program(
        name="workerd",
        version=machine.version_of(str(binary), "--version").removeprefix("workerd "),
        command=(str(binary), "serve", "hello.capnp", "--socket-addr", "http=127.0.0.1:{port}"),
        folder=folder,
    )


def framework(*, asgi: bool, uvloop: bool = False) -> Program:
    """Google's functions-framework as pip gives it, and for candour with uvloop beside it."""
    faster = ["uvloop", "httptools"] if uvloop else []
    python = environment("ff-uvloop" if uvloop else "ff", ["functions-framework", *faster])
    folder = python.parent.parent / ("asgi" if asgi else "wsgi")
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(_FRAMEWORK_ASGI if asgi else _FRAMEWORK)
    program = str(python.parent / "functions-framework")
    where = ("--host", "127.0.0.1", "--port", "{port}")
    kind = ("--asgi with uvloop" if uvloop else "--asgi") if asgi else "gunicorn"
    return Program(
        name=f"functions-framework {kind}",
        version=version_in(python, "functions-framework"),
        command=(program, "--target", "hello", *where, *(["--asgi"] if asgi else [])),
        folder=folder,
    )


def ray() -> Program:
    """Ray Serve, one replica behind its HTTP proxy."""
    python = environment("ray", ["ray[serve]"])
    folder = cache() / "ray" / "app"
    folder.mkdir(exist_ok=True)
    (folder / "hello.py").write_text(_RAY)
    (folder / "start.py").write_text(
        "import sys, signal, threading\n"
        "from ray import serve\n"
        "from hello import app\n"
        "serve.start(http_options={'host': '127.0.0.1', 'port': int(sys.argv[1])})\n"
        "serve.run(app)\n"
        "signal.signal(signal.SIGTERM, lambda *_: (serve.shutdown(), sys.exit(0)))\n"
        "threading.Event().wait()\n"
    )
    return Program(
        name="Ray Serve",
        version=version_in(python, "ray"),
        command=(str(python), "start.py", "{port}"),
        folder=folder,
        environment={"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
    )


def environment(name: str, packages: Sequence[str]) -> Path:
    """Make a virtual environment with these packages, once; give its interpreter."""
    build = hashlib.sha256(os.path.realpath(sys.executable).encode()).hexdigest()[:8]
    folder = cache() / f"{name}-{build}"  # Peers run on the very Python that we run on.
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        install([sys.executable, "-m", "venv", str(folder)])
        install([str(python), "-m", "pip", "install", "--quiet", *packages])
        done.write_text("\n".join(packages))
    return python


def install(command: Sequence[str]) -> None:
    """Run an installer; what it says is the reason when a row is missing."""
    print(f"bench: {' '.join(command)}", flush=True)
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotMeasure(f"{command[0]}: {error}") from error
    if said.returncode != 0:
        raise CannotMeasure(f"{' '.join(command[:4])} failed: {said.stderr.strip()[-300:]}")


def version_in(python: Path, package: str) -> str:
    """Ask an environment which version of a package it has."""
    check = f"import importlib.metadata as m; print(m.version({package!r}))"
    return machine.version_of(str(python), "-c", check)
