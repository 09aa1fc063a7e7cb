"""Libraries that only those apps need that import the piece which uses them."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(*requirements: str) -> Iterator[None]:
    """Import inside of it; what is missing becomes an error that says what to add.

    Raises:
        ModuleNotFoundError: names the module and the `requirements` to add to the app's dependencies.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        wanted = ", ".join(requirements)
        raise ModuleNotFoundError(
            f"{error.name} is not installed; add to the dependencies of your app: {wanted}", name=error.name
        ) from None
