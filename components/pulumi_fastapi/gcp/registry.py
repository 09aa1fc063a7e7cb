"""The image registry of a service."""

from dataclasses import dataclass
from typing import Any, Optional

import pulumi_gcp as gcp
from pulumi import Input, Output, ResourceOptions

from ..component import as_args
from ..validation import check_fields, in_range
from .component import GoogleComponent

IMAGE = "app"
"""Name of the image in its repository."""
CACHE_DAYS = 14
_DAY = 86400


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """Inputs of `Registry`."""

    project: Optional[Input[str]] = None
    """Project of the registry. Default: the provider's."""
    location: Optional[Input[str]] = None
    """Region of the registry, best that of the service. Default: the provider's."""
    keep_images: int = 20
    """Images to keep, newest first, 5 to 1000. Default 20: the running one, the previous one and room for failed
    deploys."""
    labels: Optional[dict[str, str]] = None
    """Labels. Default none."""
    deletion_protection: bool = True
    """Refuse to be deleted. Default on; off deletes the images with it."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("keep_images", self.keep_images, 5, 1000)


class Registry(GoogleComponent):
    """An Artifact Registry repository whose image tags never move and that does not only grow; another one beside it
    for the build cache, whose tag has to move.

    Costs a price per GB and month of stored layers beyond the first half GB.
    """

    url: Output[str]
    """Address to push to and pull from, without a tag."""
    cache_url: Output[str]
    """Address of the build cache, without a tag."""
    host: Output[str]
    """Address to log in to."""

    def __init__(self, name: str, args: Optional[RegistryArgs] = None, opts: Optional[ResourceOptions] = None) -> None:
        self.args = args = as_args(RegistryArgs, args)
        super().__init__(name, args, opts)
        newest = {
            "id": f"keep-{args.keep_images}",
            "action": "KEEP",
            "most_recent_versions": {"keep_count": args.keep_images},
        }
        # Without one that deletes, a policy that keeps does nothing; a day is how long a deploy may take at most.
        images = self._repository("images", True, [newest, _delete_after(1)])
        cache = self._repository("cache", False, [_delete_after(CACHE_DAYS)])
        self.publish(
            url=Output.concat(images.registry_uri, "/", IMAGE),
            cache_url=Output.concat(cache.registry_uri, "/", IMAGE),
            host=images.registry_uri.apply(lambda uri: uri.partition("/")[0]),
        )

    def _repository(self, kind: str, immutable: bool, policies: list[Any]) -> gcp.artifactregistry.Repository:
        args = self.args
        return gcp.artifactregistry.Repository(
            self.child_name(kind),
            project=args.project,
            location=args.location,
            repository_id=self.child_name(kind),
            format="DOCKER",
            docker_config={"immutable_tags": immutable},
            cleanup_policies=policies,
            cleanup_policy_dry_run=False,
            labels=args.labels,
            opts=self.child_options(protect=(args.deletion_protection and immutable) or None),
        )


def _delete_after(days: int) -> Any:
    return {
        "id": f"delete-after-{days}-days",
        "action": "DELETE",
        "condition": {"older_than": f"{days * _DAY}s", "tag_state": "ANY"},
    }
