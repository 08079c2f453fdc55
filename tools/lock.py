"""Write requirements.lock: every package that we use, for every Python we support, by hash."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """\
# Every package of the platform and its tests, with hashes. Written by `make lock`; not by hand.
"""


def main() -> int:
    """Resolve anew, staying with the versions already locked where they still fit.

    uv reads its index from UV_INDEX_URL and the like, not from pip's settings. None is written
    into the lock: where packages come from is the machine's business.
    """
    arguments = ["--extra", "dev", "--universal", "--python-version", "3.11"]
    quiet = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    command = ["pip", "compile", "pyproject.toml", *arguments, *quiet, *upgrade]
    uv = Path(sys.executable).parent / "uv"
    done = subprocess.run([uv, *command, "--output-file", str(LOCK)], cwd=ROOT)
    if done.returncode == 0:
        text = LOCK.read_text()
        LOCK.write_text(text if text.startswith(HEAD) else HEAD + text)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
