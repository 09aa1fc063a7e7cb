"""Shorthands the tables share."""

from collections.abc import Callable, Mapping
from typing import Any

from pulumi_fastapi.emulator.mapping import dig
from pulumi_fastapi.emulator.resource import Call, Context, Read
from pulumi_fastapi.emulator.values import Properties


def by_id(member: str) -> Callable[[Context], Mapping[str, Any]]:
    return lambda context: {member: context.id}


def by_ids(member: str) -> Callable[[Context], Mapping[str, Any]]:
    return lambda context: {member: [context.id]}


def by_input(**members: str) -> Callable[[Context], Mapping[str, Any]]:
    """A request of some inputs: member -> input. Members of inputs that are not given are left out."""
    return lambda context: {
        member: context.inputs[name] for member, name in members.items() if context.inputs.get(name) is not None
    }


def input_id(name: str) -> Callable[[Context], str]:
    return lambda context: str(context.inputs[name])


def delete_by(operation: str, member: str) -> Call:
    return Call(operation, by_id(member))


def read_list(operation: str, member: str, path: str, gone: Callable[[Properties], bool] | None = None) -> Read:
    """A describe operation that takes a list of IDs."""
    return Read(operation, by_ids(member), path, gone)


def pick(path: str, matches: Callable[[Context, Properties], bool]) -> Callable[[Context, Properties], Any]:
    """The first item of a list in the answer that matches."""

    def select(context: Context, answer: Properties) -> Properties | None:
        return next((item for item in dig(answer, path) or [] if matches(context, item)), None)

    return select


def number(path: str) -> Callable[[Context], float | None]:
    """A computed output that Pulumi has as a number."""

    def read(context: Context) -> float | None:
        value = dig(context.live, path)
        return None if value is None else float(value)

    return read


def id_output(context: Context) -> str:
    return context.id
