"""Which of Lambda's runtimes run here, and on what. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tapwater_server.clouds.aws.lambda_.refusals import invalid, violated

_PYTHON = re.compile(r"python(3\.[0-9]{1,2})")
_NODE = re.compile(r"nodejs([0-9]{1,2})\.x")
PROVIDED = frozenset({"provided", "provided.al2", "provided.al2023"})
_THEIRS = re.compile(r"(java|dotnet|dotnetcore|ruby|go|nodejs|python)[0-9].*|nodejs")
_OLD = frozenset({"python2.7", "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10"})


class Machine(NamedTuple):
    """What this machine has."""

    pythons: Sequence[str]  # "3.12", the platform's own first
    node: str = ""  # version of Node.js, "22.11.0"; "": there is none
    architecture: str = "x86_64"


class Chosen(NamedTuple):
    """What a function runs on."""

    python: str = ""  # for ``Release.python``; "": the platform's own
    warning: str = ""


def choose(runtime: str, machine: Machine) -> Chosen:
    """Choose what a runtime's functions run on, or say why they cannot.

    >>> choose("python3.12", Machine(["3.11", "3.12"]))
    Chosen(python='3.12', warning='')
    >>> choose("python3.9", Machine(["3.11"])).warning
    'python3.9 is not on this machine: the function runs on Python 3.11'

    Raises:
        AwsError: they cannot.
    """
    if runtime in _OLD:
        raise invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    python = _PYTHON.fullmatch(runtime)
    if python is not None:
        return _python(python[1], machine)
    node = _NODE.fullmatch(runtime)
    if node is not None:
        return _node(node[1], machine)
    if runtime in PROVIDED:
        return Chosen()
    if _THEIRS.fullmatch(runtime):
        raise invalid(
            f"The runtime {runtime} does not run on this platform. What runs: python3.x, "
            "nodejs*.x (where Node.js is installed), provided, provided.al2 and provided.al2023 "
            "(with a bootstrap that brings all it needs)."
        )
    must = "Member must satisfy enum value set: [python3.x, nodejs*.x, provided.al2023, ...]"
    raise violated([(runtime[:100], "runtime", f"{must} or be a valid ARN")])


def _python(wanted: str, machine: Machine) -> Chosen:
    if wanted in machine.pythons:
        return Chosen(python=wanted)
    own = machine.pythons[0]
    return Chosen(
        warning=f"python{wanted} is not on this machine: the function runs on Python {own}"
    )


def _node(wanted: str, machine: Machine) -> Chosen:
    if not machine.node:
        raise invalid(
            f"The runtime nodejs{wanted}.x needs Node.js, which is not on this machine: install "
            f"Node.js {wanted} so that `node` is on the platform's PATH, and start it again."
        )
    if machine.node.partition(".")[0] == wanted:
        return Chosen()
    return Chosen(
        warning=f"Node.js {wanted} is not on this machine: the function runs on {machine.node}"
    )
