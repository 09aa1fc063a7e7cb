"""The one error users see for a wrong argument."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pulumi import Output, RunError

REDACTED = "[secret]"
"""What stands for a secret value wherever one would be shown."""
SHOWN_LENGTH = 200
"""Characters of a wrong value that a message repeats."""


class ArgumentError(RunError, ValueError):
    """A wrong argument: says which field, what it got and what to do.

    A `RunError`, so that `pulumi up` prints the message alone, without a traceback.
    """

    def __init__(self, field: str, got: object, problem: str) -> None:
        self.field = field
        self.got = got
        self.problem = problem
        line = " ".join(field[:SHOWN_LENGTH].split())  # the keys in it come from the user
        super().__init__(f"{line}: {problem}, got {shown(got)}")

    def inside(self, path: str) -> "ArgumentError":
        """The same error, with the path of the object that holds the field: `app.` + `port`."""
        return ArgumentError(f"{path}{self.field}", self.got, self.problem)


def shown(value: object, depth: int = 2) -> str:
    """A value as a message repeats it: short, and without what mappings and objects hold, which may be secret."""
    if isinstance(value, Output):
        return "an Output"
    if isinstance(value, Mapping):
        keys = ", ".join(key for key in value if isinstance(key, str))
        return f"a mapping with {keys or 'no keys'}"[:SHOWN_LENGTH]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and depth:
        return f"[{', '.join(shown(item, depth - 1) for item in value[:10])}{', ...' if len(value) > 10 else ''}]"
    if value is None or isinstance(value, (str, int, float)):
        try:
            text = repr(value)
        except ValueError:  # Python writes no integer of more than 4300 digits
            return "a huge number"
        return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
    return f"a {type(value).__name__}"


def nearest(value: object, allowed: Iterable[object]) -> str:
    """`, did you mean 'x'?` for the allowed value that looks most like `value`, or an empty string."""
    by_text = {str(item).lower(): item for item in allowed}
    match = difflib.get_close_matches(str(value).lower(), by_text, n=1, cutoff=0.5)
    return f", did you mean {str(by_text[match[0]])!r}?" if match else ""
