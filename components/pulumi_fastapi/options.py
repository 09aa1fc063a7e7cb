"""What the commands of `pulumi-fastapi` share: which stack, the exit codes, and how an error ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

OK, FOUND, WRONG = 0, 1, 2
"""Nothing is wrong; something was found, or is over a limit; the program or an argument is wrong."""

Stack = Annotated[
    Optional[str], typer.Option("--stack", "-s", help="Stack to plan. Default: PULUMI_STACK, or the only one.")
]
Directory = Annotated[
    Path, typer.Option("--dir", "-C", help="Folder of the project, or one inside it.", show_default=False)
]
Answers = Annotated[
    Optional[Path], typer.Option("--answers", help="YAML file with stack_references and invokes, as in preview.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback when the program fails.")]


@contextmanager
def in_one_line(*errors: type[Exception], code: int = WRONG, debug: bool = False) -> Iterator[None]:
    """End the command with one line for these errors; with `debug`, with the traceback of what caused them."""
    try:
        yield
    except errors as error:
        if debug and error.__cause__ is not None:
            raise error.__cause__ from None
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(code) from None
