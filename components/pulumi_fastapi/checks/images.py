"""Rules for image registries and image builds."""

import platform
from collections.abc import Iterator

from ..planned import Resource, known
from . import Facts, Problem, enabled, get, rule

REPOSITORY = "aws:ecr/repository:Repository"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
IMAGE = "docker-build:index:Image"

_PLATFORMS = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}
_MACHINES = {"x86_64": "linux/amd64", "amd64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}


@rule(REPOSITORY, severity="warning")
def image_tags_mutable(repository: Resource, _: Facts) -> Iterator[Problem]:
    """A tag that can move means that two tasks of one deployment may run different code (ECR.2, CT.ECR.PR.3)."""
    if not str(get(repository, "imageTagMutability", default="MUTABLE")).startswith("IMMUTABLE"):
        yield Problem("lets a pushed tag be overwritten", "set imageTagMutability to IMMUTABLE")


@rule(REPOSITORY, severity="warning")
def images_not_scanned(repository: Resource, facts: Facts) -> Iterator[Problem]:
    """Known holes in the packages of an image are found at push for nothing (ECR.1, CT.ECR.PR.2)."""
    registry_scans = facts.all("aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration")
    if not enabled(repository, "imageScanningConfiguration", "scanOnPush") and not registry_scans:
        yield Problem(
            "does not scan images for known vulnerabilities", "set imageScanningConfiguration.scanOnPush to true"
        )


@rule(REPOSITORY, severity="warning")
def images_kept_forever(repository: Resource, facts: Facts) -> Iterator[Problem]:
    """Each deployment adds an image, at $0.10 per GB and month, until somebody notices (ECR.3, CT.ECR.PR.1)."""
    if not facts.referring("aws:ecr/lifecyclePolicy:LifecyclePolicy", "repository", repository):
        yield Problem(
            "keeps every image it ever got", "add a lifecycle policy that keeps the last 20 and expires untagged ones"
        )


@rule(REPOSITORY, severity="warning")
def registry_deletion_not_chosen(repository: Resource, _: Facts) -> Iterator[Problem]:
    """A repository with images is only deleted by force: a destroy stops there, as it should in production."""
    options = repository.options
    forced = get(repository, "forceDelete")
    if forced is None and not options.protect and not options.retain_on_delete:
        yield Problem(
            "leaves open what destroy does with its images: by default it fails once one was pushed",
            "set forceDelete to true where images may go with the stack, to false where they may not",
            "info",
        )
    if enabled(repository, "forceDelete") and options.protect:
        yield Problem(
            "is protected and set to delete its images by force: the next unprotect-and-destroy removes them all",
            "set forceDelete to false on a protected repository",
        )


@rule(TASK, severity="error")
def image_for_another_architecture(task: Resource, facts: Facts) -> Iterator[Problem]:
    """A task whose image is built for another processor dies with `exec format error`, at deploy time."""
    architecture = get(task, "runtimePlatform", "cpuArchitecture", default="X86_64")
    wanted = _PLATFORMS.get(architecture)
    for image in facts.referred(task, "containerDefinitions", IMAGE):
        built = [str(known(each)) for each in get(image, "platforms", default=[])]
        if wanted and built and wanted not in (each.removesuffix("/v8") for each in built):
            yield Problem(
                f"runs on {architecture} but its image {image.name!r} is built for {', '.join(built)}",
                f'set platforms to ["{wanted}"], or runtimePlatform.cpuArchitecture to the image\'s',
            )


@rule(TASK, severity="warning")
def image_platform_not_chosen(task: Resource, facts: Facts) -> Iterator[Problem]:
    """Without a platform an image is built for the machine that runs `pulumi up`, which is not the task's."""
    architecture = get(task, "runtimePlatform", "cpuArchitecture", default="X86_64")
    for image in facts.referred(task, "containerDefinitions", IMAGE):
        if not get(image, "platforms") and architecture in _PLATFORMS:
            yield Problem(
                f"needs {architecture} and its image {image.name!r} is built for whatever machine builds it",
                f'set platforms to ["{_PLATFORMS[architecture]}"]',
            )


@rule(IMAGE, severity="info")
def image_built_under_emulation(image: Resource, _: Facts) -> Iterator[Problem]:
    """Building for another processor than one's own needs an emulator or a remote builder, and is slow without one."""
    here = _MACHINES.get(platform.machine().lower())
    others = [str(known(each)) for each in get(image, "platforms", default=[])]
    if here and others and here not in (each.removesuffix("/v8") for each in others):
        own = "ARM64" if here == "linux/arm64" else "X86_64"
        yield Problem(
            f"is built for {', '.join(others)} and this machine is {here}",
            "install an emulator once (`docker run --privileged --rm tonistiigi/binfmt --install all`), use a remote "
            f"builder of that architecture, build in CI, or choose {own} tasks",
        )
