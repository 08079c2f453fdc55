"""A process of its own that carries the transform AWS::Serverless-2016-10-31 out.

It reads ``{"template": …, "parameters": …, "region": …, "policies": …}`` as JSON and writes
``{"template": …}`` or ``{"error": …}``. The translator brings forty megabytes of imports with it,
which the platform does not want to keep, and it is given a template that somebody else wrote.
"""

import json
import logging
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Region:
    """All that the translator asks of a session of boto3."""

    region_name: str


def transform(given: dict[str, Any]) -> dict[str, Any]:
    """Translate one template."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.utils.py27hash_fix import (
        to_py27_compatible_template,
        undo_mark_unicode_str_in_template,
    )

    template, parameters = given["template"], given["parameters"]
    to_py27_compatible_template(template, parameters)  # Its hashes are part of logical ids.
    translator = Translator(
        given["policies"],
        Parser(),
        boto_session=Region(given["region"]),
    )
    try:
        found = translator.translate(template, parameters)
    except InvalidDocumentException as error:
        causes = [cause.message for cause in error.causes]
        return {"error": f"{error.message} {' '.join(map(str, causes))}".strip()}
    return {"template": undo_mark_unicode_str_in_template(found)}


def main() -> None:
    """Serve one request of standard input."""
    logging.disable(logging.CRITICAL)
    given = json.load(sys.stdin)
    json.dump(transform(given), sys.stdout)


if __name__ == "__main__":
    main()
