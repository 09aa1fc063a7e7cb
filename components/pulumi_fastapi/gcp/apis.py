"""The APIs of Google that a project must have enabled."""

from collections.abc import Sequence
from typing import Optional

import pulumi_gcp as gcp
from pulumi import ResourceOptions

from .component import GoogleComponent


class Apis(GoogleComponent):
    """Enables APIs in the project. They stay enabled when this is deleted: others may use them. Costs nothing."""

    services: list[gcp.projects.Service]
    """What has to exist before a resource of these APIs."""

    def __init__(
        self, name: str, apis: Sequence[str], project: Optional[str] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        """Enable them.

        Args:
            apis: such as `run.googleapis.com`.
            project: where. Default: the provider's project.
        """
        super().__init__(name, None, opts)
        self.services = [
            gcp.projects.Service(
                self.child_name(api.partition(".")[0]),
                project=project,
                service=api,
                disable_on_destroy=False,
                opts=self.child,
            )
            for api in apis
        ]
        self.publish()
