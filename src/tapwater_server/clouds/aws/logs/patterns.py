"""Filter patterns of log lines: words, phrases, ``-not``, ``?either``. Pure."""

import shlex
from collections.abc import Callable

from tapwater_server.clouds.aws.asked import AwsError

TERMS_MAX = 64


def read_pattern(pattern: str) -> Callable[[str], bool]:
    """Give what says whether a line fits. Case counts, as in AWS.

    >>> fits = read_pattern('ERROR -"not found"')
    >>> fits("ERROR: disk"), fits("ERROR: not found")
    (True, False)

    Raises:
        AwsError: InvalidParameterException.
    """
    text = pattern.strip()
    if text[:1] in ("{", "[", "%"):
        raise AwsError(
            "InvalidParameterException",
            "Patterns of JSON, of columns and regular expressions are not read here; words and"
            ' "phrases" are',
        )
    try:
        terms = shlex.split(text) if text else []
    except ValueError:
        raise AwsError("InvalidParameterException", "Invalid filter pattern") from None
    if len(terms) > TERMS_MAX:
        raise AwsError("InvalidParameterException", f"A pattern has at most {TERMS_MAX} terms")
    not_in = [term[1:] for term in terms if term[:1] == "-" and len(term) > 1]
    either = [term[1:] for term in terms if term[:1] == "?" and len(term) > 1]
    needed = [term for term in terms if term[:1] not in ("-", "?")]

    def fits(line: str) -> bool:
        return (
            all(term in line for term in needed)
            and not any(term in line for term in not_in)
            and (not either or any(term in line for term in either))
        )

    return fits
