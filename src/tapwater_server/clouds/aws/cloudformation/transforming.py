"""Transforms: what a template is to be turned into before anything is made of it."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tapwater_server.clouds.aws.cloudformation.loops import unrolled
from tapwater_server.clouds.aws.cloudformation.policies import MANAGED
from tapwater_server.clouds.aws.cloudformation.template import Template, check_template
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

SAM = "AWS::Serverless-2016-10-31"
EXTENSIONS = "AWS::LanguageExtensions"
TRANSFORM_S_MAX = 60.0
_MAIN = "tapwater_server.clouds.aws.cloudformation.sam_main"


def transforms_of(template: Template) -> list[str]:
    """Name the transforms that a template asks for.

    >>> transforms_of({"Transform": "AWS::Serverless-2016-10-31"})
    ['AWS::Serverless-2016-10-31']
    """
    said = template.get("Transform") or []
    listed = said if isinstance(said, list) else [said]
    return [str(one.get("Name")) if isinstance(one, dict) else str(one) for one in listed]


class Transforming:
    """Carries transforms out."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)  # Each takes a processor and 60 MB.

    async def transform(
        self, template: Template, parameters: Mapping[str, Any], *, region: str
    ) -> Template:
        """Turn a template into one of plain resources.

        Raises:
            Refused: a transform is not known, or refuses the template.
        """
        names = transforms_of(template)
        for name in names:
            if name not in (SAM, EXTENSIONS):
                raise Refused(f"No transform named {name} found.")
        found = {key: value for key, value in template.items() if key != "Transform"}
        if EXTENSIONS in names:
            found = dict(unrolled(found, parameters))
        if SAM in names:
            found = dict(await self._sam({**found, "Transform": SAM}, parameters, region))
            found.pop("Transform", None)
        check_template(found)
        return found

    async def _sam(
        self, template: Template, parameters: Mapping[str, Any], region: str
    ) -> Template:
        given = {
            "template": template,
            "parameters": parameters,
            "region": region,
            "policies": MANAGED,
        }
        async with self._one_at_a_time:
            answer = await _run([sys.executable, "-m", _MAIN], msgspec.json.encode(given))
        found = msgspec.json.decode(answer)
        if "error" in found:
            raise Refused(f"Transform {SAM} failed with: {found['error']}")
        transformed: Template = found["template"]
        return transformed


async def _run(command: Sequence[str], given: bytes) -> bytes:
    """Run a process to its end.

    Raises:
        Refused: it fails, or takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TRANSFORM_S_MAX):
            answer, said = await process.communicate(given)
    except TimeoutError as error:
        raise Refused(f"Transform {SAM} failed with: it took too long") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise Refused(f"Transform {SAM} failed with: {' '.join(last)}")
    return answer
