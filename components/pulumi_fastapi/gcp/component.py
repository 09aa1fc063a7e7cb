"""The base of the components on Google Cloud, whose names are in lower case."""

import hashlib
from collections.abc import Sequence
from typing import Any, Optional

import pulumi
from pulumi import ResourceOptions

from ..component import Component, fitting_name


class GoogleComponent(Component):
    """A component whose children have names that Google takes: lower case letters, digits and hyphens.

    What it depends on its children depend on, too, such as the API that has to be enabled first; Pulumi itself does not
    hand that down.
    """

    def __init__(self, name: str, args: Any, opts: Optional[ResourceOptions]) -> None:
        super().__init__(name, args, opts)
        self._needed = _sequence(opts.depends_on if opts else None)
        self.child = ResourceOptions(parent=self, depends_on=self._needed or None)

    def child_options(self, **options: Any) -> ResourceOptions:
        """Options of a child: parented here, plus what only that child needs."""
        own = _sequence(options.pop("depends_on", None))
        return super().child_options(depends_on=[*self._needed, *own] or None, **options)

    def wait_for(self, resources: Sequence[pulumi.Resource]) -> None:
        """Let the children that follow depend on these, too."""
        self._needed = [*self._needed, *resources]
        self.child = ResourceOptions(parent=self, depends_on=self._needed or None)

    def child_name(self, suffix: str, limit: int = 63) -> str:
        """The logical name of a child whose physical name may have `limit` characters."""
        return google_name(self.resource_name, suffix, limit)


def google_name(name: str, suffix: str, limit: int = 63) -> str:
    """`name-suffix` in lower case, short enough for a physical name of `limit` characters.

    A name with capitals gets a hash of the original, so that `Api` and `api` stay two names.
    """
    if name != name.lower():
        name = f"{name.lower()}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return fitting_name(name, suffix, limit)


def _sequence(given: Any) -> Sequence[Any]:
    """The one or several resources of `depends_on`."""
    return [given] if isinstance(given, pulumi.Resource) else list(given or ())
