import json
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any, Optional

import pulumi_aws as aws
import pytest
from pulumi_fastapi.aws import Registry, RegistryArgs
from pulumi_fastapi.aws.registry import lifecycle_policy
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import Plan, plan


def planned(**args: Any) -> Plan:
    return plan(lambda: Registry("api", RegistryArgs(**args)), preview=False)


@pytest.fixture(scope="module")
def default() -> Plan:
    return planned()


def test_image_tags_never_move_but_those_of_the_build_cache(default: Plan) -> None:
    repository = default.find(aws.ecr.Repository).inputs
    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["imageTagMutabilityExclusionFilters"] == [{"filter": "cache-*", "filterType": "WILDCARD"}]


def test_images_are_scanned_and_encrypted(default: Plan) -> None:
    repository = default.find(aws.ecr.Repository).inputs
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "AES256"}]


@pytest.mark.parametrize("protection", [True, False])
def test_a_repository_with_images_can_be_deleted_only_if_that_was_said(protection: bool) -> None:
    repository = planned(deletion_protection=protection).find(aws.ecr.Repository)
    assert repository.inputs["forceDelete"] is not protection
    assert repository.options.protect is protection


@pytest.mark.parametrize("keep", [4, 1001, 20.5])
def test_wrong_numbers_of_images_are_refused(keep: float) -> None:
    with pytest.raises(ArgumentError, match=r"^keep_images: must be"):
        RegistryArgs(keep_images=keep)  # type: ignore[arg-type]


# What ECR makes of the policy (D11)


@dataclass(frozen=True)
class Pushed:
    """An image in ECR."""

    day: int
    tag: Optional[str]


def expire(policy: str, images: list[Pushed], today: int) -> list[Pushed]:
    """What ECR leaves: rules by priority, each image looked at by the first rule that selects it."""
    left, seen = list(images), set[Pushed]()
    for rule in sorted(json.loads(policy)["rules"], key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        patterns = selection.get("tagPatternList", [])
        selected = [
            image
            for image in images
            if image not in seen
            and (
                image.tag is None
                if selection["tagStatus"] == "untagged"
                else image.tag is not None and any(fnmatch(image.tag, pattern) for pattern in patterns)
            )
        ]
        seen |= set(selected)
        newest = sorted(selected, key=lambda image: -image.day)
        if selection["countType"] == "imageCountMoreThan":
            gone = newest[selection["countNumber"] :]
        else:
            assert (selection["countType"], selection["countUnit"]) == ("sinceImagePushed", "days")
            gone = [image for image in selected if today - image.day > selection["countNumber"]]
        left = [image for image in left if image not in gone]
    return left


def deploys(count: int) -> list[Pushed]:
    return [Pushed(day=day, tag=f"img-{day:016x}") for day in range(count)]


def test_a_year_of_deploys_leaves_the_newest_images_only() -> None:
    images = deploys(480)
    assert expire(lifecycle_policy(20), images, today=480) == images[-20:]


def test_the_running_and_the_previous_image_stay_however_old() -> None:
    images = deploys(2)
    assert expire(lifecycle_policy(5), images, today=2000) == images


def test_failed_deploys_do_not_push_out_what_runs() -> None:
    running, *failed = deploys(20)
    assert running in expire(lifecycle_policy(20), [running, *failed], today=20)


def test_the_build_cache_does_not_count_as_an_image() -> None:
    images, cache = deploys(20), Pushed(day=500, tag="cache-arm64")
    assert expire(lifecycle_policy(20), [*images, cache], today=500) == [*images, cache]


def test_old_build_caches_go_after_a_week() -> None:
    old, recent = Pushed(day=0, tag=None), Pushed(day=10, tag=None)
    assert expire(lifecycle_policy(20), [old, recent], today=12) == [recent]


def test_the_policy_is_on_by_default(default: Plan) -> None:
    policy = default.find(aws.ecr.LifecyclePolicy)
    assert policy.inputs["policy"] == lifecycle_policy(20)
    assert policy.inputs["repository"] == default.find(aws.ecr.Repository).outputs["name"]


def test_the_simulation_sees_a_policy_that_counts_everything() -> None:
    """The simulation above must be able to fail."""
    counting_all = lifecycle_policy(20).replace("img-*", "*")
    images, cache = deploys(20), Pushed(day=500, tag="cache-arm64")
    assert images[0] not in expire(counting_all, [*images, replace(cache, day=501)], today=501)
