"""What an app's functions are: each file imported by itself, as a deploy would do it.

Run as a program in the app's folder, with the app's libraries on the path:
``python -m tapwater_server.cli.aws.leaving.describing FILE…`` says one line of JSON for each.
"""

import json
import os
import sys

from tapwater.runtime.loading import LoadError, load_here


def main(files: list[str]) -> None:
    """Describe each file in a process of its own: modules of the same name must not meet."""
    for file in files:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _describe(file)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)


def _describe(file: str) -> None:
    out = os.dup(1)
    os.dup2(2, 1)  # What the app prints is not an answer.
    try:
        said = {"file": file, "manifest": dict(load_here({"code": ".", "module": file}).manifest)}
    except LoadError as error:
        said = {"file": file, "error": str(error)}
    line = json.dumps(said) + "\n"
    os.write(out, line.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
