"""The one error users see for a wrong argument."""

import difflib
from collections.abc import Iterable

from pulumi import RunError


class ArgumentError(RunError, ValueError):
    """A wrong argument: says which field, what it got and what to do.

    A `RunError`, so that `pulumi up` prints the message alone, without a traceback.
    """

    def __init__(self, field: str, got: object, problem: str) -> None:
        self.field = field
        self.got = got
        self.problem = problem
        super().__init__(f"{field}: {problem}, got {got!r}")

    def inside(self, path: str) -> "ArgumentError":
        """The same error, with the path of the object that holds the field: `app.` + `port`."""
        return ArgumentError(f"{path}{self.field}", self.got, self.problem)


def nearest(value: object, allowed: Iterable[object]) -> str:
    """`, did you mean 'x'?` for the allowed value that looks most like `value`, or an empty string."""
    match = difflib.get_close_matches(
        str(value).lower(), {str(item).lower(): item for item in allowed}, n=1, cutoff=0.5
    )
    return f", did you mean {next(str(item) for item in allowed if str(item).lower() == match[0])!r}?" if match else ""
