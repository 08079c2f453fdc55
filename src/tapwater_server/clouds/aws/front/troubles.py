"""What can be wrong with who asks, and how each family of services calls it. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from tapwater_server.clouds.aws.asked import AwsError


class Family(StrEnum):
    """How a service speaks, which decides what it calls its errors."""

    S3 = "s3"
    QUERY = "query"  # XML, Action= in a form
    JSON = "json"  # X-Amz-Target
    REST = "rest-json"


class Trouble(StrEnum):
    """What is wrong with a signature."""

    NOBODY = "nobody"  # no signature where one is needed
    INCOMPLETE = "incomplete"
    CREDENTIAL = "credential"
    QUERY = "query"
    ALGORITHM = "algorithm"
    TWICE = "twice"  # in a header and in the query
    UNDATED = "undated"
    SCOPE_DAY = "scope-day"
    KEY = "key"  # there is no such key
    TOKEN = "token"  # a session token that is not of this key
    EXPIRED = "expired"  # the session
    SKEWED = "skewed"
    LATE = "late"  # a presigned address
    EARLY = "early"
    UNSIGNED_HEADERS = "unsigned-headers"
    UNHASHED = "unhashed"
    MISMATCH = "mismatch"
    BODY = "body"  # is another than was signed
    STRANGE_PAGE = "strange-page"


class Troubled(Exception):
    """A signature is not good. Becomes an error of the service that is asked."""

    def __init__(
        self, trouble: Trouble, message: str = "", facts: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{trouble}: {message}")
        self.trouble, self.message = trouble, message
        self.facts = facts or {}


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS"
    " Secret Access Key and signing method. Consult the service documentation for details."
)
_4A = (
    "Signatures of version 4A (AWS4-ECDSA-P256-SHA256) are not checked here; sign with version 4"
    " (AWS4-HMAC-SHA256)."
)
_PAGE = "Any key is accepted in dev mode, but not from a page of another site."
_TOKEN = "The security token included in the request is invalid."
_TOKEN_OLD = "The security token included in the request is expired"
_TWICE = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query"
    " string parameter or the Authorization header should be specified"
)
_DATE = "AWS authentication requires a valid Date or x-amz-date header"

# Trouble -> what each family calls it: code, status; and the sentence if none was given.
_S3: Mapping[Trouble, tuple[str, int, str]] = {
    Trouble.NOBODY: ("AccessDenied", 403, "Access Denied"),
    Trouble.INCOMPLETE: ("AuthorizationHeaderMalformed", 400, ""),
    Trouble.CREDENTIAL: ("AuthorizationHeaderMalformed", 400, ""),
    Trouble.QUERY: ("AuthorizationQueryParametersError", 400, ""),
    Trouble.ALGORITHM: ("NotImplemented", 501, _4A),
    Trouble.TWICE: ("InvalidArgument", 400, _TWICE),
    Trouble.UNDATED: ("AccessDenied", 403, _DATE),
    Trouble.SCOPE_DAY: ("AuthorizationHeaderMalformed", 400, ""),
    Trouble.KEY: (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Trouble.TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    Trouble.EXPIRED: ("ExpiredToken", 400, "The provided token has expired."),
    Trouble.SKEWED: (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    Trouble.LATE: ("AccessDenied", 403, "Request has expired"),
    Trouble.EARLY: ("AccessDenied", 403, "Request is not yet valid"),
    Trouble.UNSIGNED_HEADERS: (
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
    ),
    Trouble.UNHASHED: (
        "InvalidRequest",
        400,
        "Missing required header for this request: x-amz-content-sha256",
    ),
    Trouble.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH),
    Trouble.BODY: (
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    Trouble.STRANGE_PAGE: ("AccessDenied", 403, _PAGE),
}
_QUERY: Mapping[Trouble, tuple[str, int, str]] = {
    Trouble.NOBODY: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    Trouble.INCOMPLETE: ("IncompleteSignature", 400, ""),
    Trouble.CREDENTIAL: ("IncompleteSignature", 400, ""),
    Trouble.QUERY: ("IncompleteSignature", 400, ""),
    Trouble.ALGORITHM: ("IncompleteSignature", 400, _4A),
    Trouble.TWICE: ("IncompleteSignature", 400, _TWICE),
    Trouble.UNDATED: ("IncompleteSignature", 400, _DATE),
    Trouble.SCOPE_DAY: ("SignatureDoesNotMatch", 403, ""),
    Trouble.KEY: ("InvalidClientTokenId", 403, _TOKEN),
    Trouble.TOKEN: ("InvalidClientTokenId", 403, _TOKEN),
    Trouble.EXPIRED: ("ExpiredToken", 403, _TOKEN_OLD),
    Trouble.SKEWED: ("SignatureDoesNotMatch", 403, ""),
    Trouble.LATE: ("SignatureDoesNotMatch", 403, "Signature expired"),
    Trouble.EARLY: ("SignatureDoesNotMatch", 403, "Signature not yet current"),
    Trouble.UNSIGNED_HEADERS: ("SignatureDoesNotMatch", 403, ""),
    Trouble.UNHASHED: ("IncompleteSignature", 400, ""),
    Trouble.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH),
    Trouble.BODY: ("SignatureDoesNotMatch", 403, _MISMATCH),
    Trouble.STRANGE_PAGE: ("AccessDenied", 403, _PAGE),
}
_JSON_CODES: Mapping[str, str] = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "AccessDenied": "AccessDeniedException",
}


def error_of(troubled: Troubled, family: Family) -> AwsError:
    """Say it as the family does.

    >>> error_of(Troubled(Trouble.KEY), Family.JSON).code
    'UnrecognizedClientException'
    """
    if family is Family.S3:
        code, status, message = _S3[troubled.trouble]
        return AwsError(code, troubled.message or message, status, facts=troubled.facts)
    code, status, message = _QUERY[troubled.trouble]
    if family is not Family.QUERY:
        code = _JSON_CODES[code]
        status = 400 if family is Family.JSON else 403
    return AwsError(code, troubled.message or message or _MISMATCH, status)
