"""The environment variables that a Lambda function finds. Pure."""

import os
from collections.abc import Mapping
from typing import Any

TASK, OPT, RUNTIME = "/var/task", "/opt", "/var/runtime"
_PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARIES = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)
# What a function's own settings cannot change, as CreateFunction says too.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def variables(
    foreign: Mapping[str, Any], given: Mapping[str, str], *, home: str, task: str = TASK
) -> dict[str, str]:
    """Make all of them. ``given``: the user's, and what was added when the image was made.

    >>> variables({"runtime": "python3.12", "name": "f"}, {"A": "1"}, home="/tmp")["_HANDLER"]
    ''
    """

    def say(name: str) -> str:
        return str(foreign.get(name, ""))

    version = say("version") or "$LATEST"
    name = say("name")
    fixed = {
        "_HANDLER": say("handler"),
        "AWS_REGION": say("region") or "us-east-1",
        "AWS_DEFAULT_REGION": say("region") or "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": say("memory_mb") or "128",
        "AWS_LAMBDA_INITIALIZATION_TYPE": say("init") or "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": say("log_group") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": say("log_stream") or f"{name}/[{version}]",
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": RUNTIME,
        "AWS_LAMBDA_LOG_FORMAT": say("log_format") or "Text",
    }
    if not say("runtime").startswith("provided"):
        fixed["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{say('runtime')}"
    if say("log_level"):
        fixed["AWS_LAMBDA_LOG_LEVEL"] = say("log_level")
    free = {
        "PATH": _PATH,
        "LD_LIBRARY_PATH": _LIBRARIES,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": home,
        "TMPDIR": home,
        "USER": "app",
        "SHLVL": "0",
        "PWD": task,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        **_languages(say("runtime")),
    }
    return {**free, **given, **fixed}


def _languages(runtime: str) -> dict[str, str]:
    """Where the language looks for what the function's own code has not."""
    if runtime.startswith("nodejs"):
        modules = [f"{OPT}/nodejs/node{runtime[6:].split('.')[0]}/node_modules"]
        modules += [f"{OPT}/nodejs/node_modules", f"{RUNTIME}/node_modules", RUNTIME, TASK]
        return {"NODE_PATH": ":".join(modules)}
    if runtime.startswith("python"):
        return {"PYTHONPATH": RUNTIME}
    return {}


def python_folders(version: tuple[int, int], *, task: str, layer: str) -> list[str]:
    """Where Python looks before its own library, the first first.

    >>> python_folders((3, 12), task="/var/task", layer="")
    ['/var/task']
    """
    if not layer:
        return [task]
    sites = f"python/lib/python{version[0]}.{version[1]}/site-packages"
    return [task, os.path.join(layer, sites), os.path.join(layer, "python")]
