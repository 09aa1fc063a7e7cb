"""Images."""

import fnmatch

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.values import Properties


def _immutable(repository: Properties, tag: str) -> bool:
    excluded = any(
        fnmatch.fnmatchcase(tag, each["filter"]) for each in repository.get("imageTagMutabilityExclusionFilters") or ()
    )
    match repository.get("imageTagMutability"):
        case "IMMUTABLE":
            return True
        case "IMMUTABLE_WITH_EXCLUSION":
            return not excluded
        case "MUTABLE_WITH_EXCLUSION":
            return excluded
    return False


@before("ecr:PutImage")
def _immutable_tag(api: Api, region: str, params: Properties) -> None:
    name = params["repositoryName"]
    repositories = find(api, "ecr", "DescribeRepositories", "repositories", region, repositoryNames=[name])
    if not repositories or not _immutable(repositories[0], params.get("imageTag") or ""):
        return
    images = find(api, "ecr", "ListImages", "imageIds", region, repositoryName=name)
    digests = {image.get("imageTag"): image["imageDigest"] for image in images}
    if digests.get(params.get("imageTag")) not in (None, params.get("imageDigest")):  # the same image may come again
        raise ApiError(
            "ecr",
            "PutImage",
            "ImageTagAlreadyExistsException",
            f"The image tag '{params['imageTag']}' already exists in the '{name}' repository and cannot be "
            "overwritten because the repository is immutable.",
        )
