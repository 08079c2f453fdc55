"""A whole platform in a process of its own, as a user would start it: real forks, real HTTP."""

import io
import json
import os
import select
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

START_S_MAX = 30.0
REPOSITORY = Path(__file__).resolve().parents[2]


class Platform:
    """Starts ``tapwater up`` on a free loopback port and speaks to it as its admin."""

    def __init__(
        self,
        data: Path,
        *,
        settings: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        python: str = sys.executable,
        flags: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        self._settings = dict(settings or {})
        self._command = (*prefix, python, "-m", "tapwater_server", "up", "--json", *flags)
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.http = httpx.Client(timeout=60.0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.http.close()

    def start(self, *, port: int = 0) -> None:
        """Start it and wait until it says that it serves."""
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        pip = {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))
        }
        environment = {
            **keep,
            **pip,
            "TAPWATER_DATA": str(self.data),
            "TAPWATER_PORT": str(port),
            "PYTHONPATH": str(REPOSITORY / "src"),
            **self._settings,
        }
        self.data.mkdir(parents=True, exist_ok=True)
        log = (self.data.parent / f"{self.data.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self._command, env=environment, stdout=subprocess.PIPE, stderr=log
            )
        ready = json.loads(self._first_line())
        self.url = ready["url"]

    def _first_line(self) -> bytes:
        assert self.process is not None
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"the platform did not start: {self.log()[-4000:]}"
        return line

    def log(self) -> str:
        """What the platform said on stderr."""
        file = self.data.parent / f"{self.data.name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C does, and wait for its end."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def kill(self) -> None:
        """End it as a power failure would."""
        assert self.process is not None
        self.process.kill()
        self._gone()

    def _gone(self) -> int:
        assert self.process is not None
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code

    @property
    def token(self) -> str:
        return (self.data / "admin-token").read_text().strip()

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Speak to the control API as the admin."""
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, f"{self.url}/_/api/v1{path}", headers=headers, **options)

    def deploy(self, source: Path | Mapping[str, str | bytes], app: str, **query: str) -> Any:
        """Deploy a folder, or files given by name; return the new revision or raise."""
        answer = self.try_deploy(source, app, **query)
        assert "revision" in answer, f"the deploy was refused: {json.dumps(answer, indent=1)}"
        return answer["revision"]

    def try_deploy(self, source: Path | Mapping[str, str | bytes], app: str, **query: str) -> Any:
        """Deploy, and give the last line of the progress, whichever it is."""
        body = pack(source)
        response = self.api("POST", f"/apps/{app}/deploys", content=body, params=query)
        assert response.status_code == 200, response.text
        return json.loads(response.text.strip().splitlines()[-1])

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask the default app."""
        return self.http.get(self.url + path, **options)

    def visit(self, host: str, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        """Ask what answers at a host of ours, such as ``shop`` or ``r2--shop``."""
        headers = {"host": f"{host}.localhost:{self.port}", **options.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, **options)

    def running(self, function: str, what: str = "running") -> int:
        """How many calls of a function run now, or how many are ``waiting``."""
        top = self.api("GET", "/top").json()
        return sum(one[what] for one in top["functions"] if one["function"] == function)

    def records(self, **query: str) -> list[dict[str, Any]]:
        """Invocation records, newest first."""
        found: list[dict[str, Any]] = self.api("GET", "/invocations", params=query).json()[
            "invocations"
        ]
        return found

    def logs(self, **query: str) -> list[dict[str, Any]]:
        """Log lines, oldest first."""
        found: list[dict[str, Any]] = self.api("GET", "/logs", params=query).json()["lines"]
        return found


def pack(source: Path | Mapping[str, str | bytes]) -> bytes:
    """Make the tar.gz that a deploy sends."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        if isinstance(source, Path):
            tar.add(source, arcname=".", filter=_clean)
            return _closed(tar, out)
        for name, content in source.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _closed(tar: tarfile.TarFile, out: io.BytesIO) -> bytes:
    tar.close()
    return out.getvalue()


def _clean(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in info.name or "/.venv" in info.name else info
