"""Errors as Google's APIs answer with them."""

from typing import Any

STATUS_OF = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


_RPC_CODES = {
    "UNKNOWN": 2,
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}


class GoogleError(Exception):
    """An error Google would answer with."""

    def __init__(self, http_code: int, message: str, status: str | None = None) -> None:
        self.http_code = http_code
        self.api_message = " ".join(message.split())
        self.status = status or STATUS_OF.get(http_code, "UNKNOWN")
        super().__init__(f"googleapi: Error {http_code}: {self.api_message}, {self.status}")

    @property
    def not_found(self) -> bool:
        return self.http_code == 404

    @property
    def rpc_code(self) -> int:
        """The number that a long-running operation tells."""
        return _RPC_CODES.get(self.status, _RPC_CODES["UNKNOWN"])

    def body(self) -> dict[str, Any]:
        """The answer over HTTP: old clients read `errors`, new ones `status`."""
        return {
            "error": {
                "code": self.http_code,
                "message": self.api_message,
                "status": self.status,
                "errors": [{"message": self.api_message, "domain": "global", "reason": self.status}],
            }
        }


class OperationFailed(Exception):
    """A long-running operation that began and then went wrong: what it was to make may exist."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(f"Error code {code}, message: {message}")
