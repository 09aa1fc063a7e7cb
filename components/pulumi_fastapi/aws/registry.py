"""The image registry of a service."""

import json
import re
from dataclasses import dataclass
from typing import Optional

import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from ..component import Component, as_args
from ..image import CACHE_PREFIX, IMAGE_PREFIX
from ..validation import check_fields, in_range

UNTAGGED_DAYS = 7
ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""Name of an image in a registry of ECR."""


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """Inputs of `Registry`."""

    keep_images: int = 20
    """Images to keep, newest first, 5 to 1000. Default 20: the running one, the previous one and room for failed
    deploys."""
    deletion_protection: bool = True
    """Refuse to be deleted while it holds images. Default on; off deletes the images with it."""

    def __post_init__(self) -> None:
        check_fields(self)
        in_range("keep_images", self.keep_images, 5, 1000)


class Registry(Component):
    """An ECR repository whose image tags never move, scanned on push, encrypted, and that does not only grow.

    Costs a price per GB and month of stored layers.
    """

    arn: Output[str]
    """ARN of the repository."""
    url: Output[str]
    """Address to push to and pull from, without a tag."""
    registry_id: Output[str]
    """Account of the registry."""

    def __init__(self, name: str, args: Optional[RegistryArgs] = None, opts: Optional[ResourceOptions] = None) -> None:
        args = as_args(RegistryArgs, args)
        super().__init__(name, args, opts)
        repository = aws.ecr.Repository(
            self.child_name("images"),
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[{"filter": f"{CACHE_PREFIX}*", "filter_type": "WILDCARD"}],
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "AES256"}],
            force_delete=not args.deletion_protection,
            opts=self.child_options(protect=args.deletion_protection or None),
        )
        aws.ecr.LifecyclePolicy(
            self.child_name("images"),
            repository=repository.name,
            policy=lifecycle_policy(args.keep_images),
            opts=self.child,
        )
        self.publish(arn=repository.arn, url=repository.repository_url, registry_id=repository.registry_id)


def lifecycle_policy(keep_images: int) -> str:
    """Keep the newest `keep_images` images; what lost its tag (an old build cache) goes after a week.

    ECR cannot know which image runs, so the policy counts images only, never by age: one deployed a year ago stays
    until `keep_images` newer ones were pushed.
    """
    rules = [
        {
            "rulePriority": 1,
            "description": f"Keep the newest {keep_images} images",
            "selection": {
                "tagStatus": "tagged",
                "tagPatternList": [f"{IMAGE_PREFIX}*"],
                "countType": "imageCountMoreThan",
                "countNumber": keep_images,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "Expire old build caches",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules})
