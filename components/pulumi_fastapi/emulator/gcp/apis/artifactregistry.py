"""Repositories, and the images that the docker-build provider pushes into them."""

import re

from pulumi_fastapi.emulator.gcp.cloud import Call, GoogleCloud, completes, now
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.values import Properties

IMAGE = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<name>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@completes("artifactregistry", "repositories")
def complete_repository(call: Call, path: str, repository: Properties, before: Properties | None) -> None:
    _, project, _, location, _, name = path.split("/")
    kind = str(repository.get("format", "")).lower()
    repository["registryUri"] = f"{location}-{kind}.pkg.dev/{project}/{name}"
    repository.setdefault("mode", "STANDARD_REPOSITORY")


def _repository_path(image: re.Match[str]) -> str:
    return f"projects/{image['project']}/locations/{image['location']}/repositories/{image['repository']}"


def push(cloud: GoogleCloud, reference: str, digest: str) -> None:
    """Put an image under a tag; the digest says which."""
    image = IMAGE.fullmatch(reference)
    if image is None or image["tag"] is None:
        raise GoogleError(400, f"{reference} is no tag of an Artifact Registry repository")
    path = _repository_path(image)
    repository = cloud.look_up("artifactregistry", path)
    if repository is None or repository.get("format") != "DOCKER":
        raise GoogleError(404, f"Repository {image['repository']!r} not found")
    immutable = (repository.get("dockerConfig") or {}).get("immutableTags")
    for _, known in cloud.below("artifactregistry", f"{path}/dockerImages"):
        if known["_name"] != image["name"] or image["tag"] not in known["tags"] or known["_digest"] == digest:
            continue
        if immutable:
            raise GoogleError(400, f"the tag {image['tag']!r} is immutable and exists already", "FAILED_PRECONDITION")
        known["tags"].remove(image["tag"])
    id = f"{image['name']}@{digest}".replace("/", "%2F")
    stored = cloud.look_up("artifactregistry", f"{path}/dockerImages/{id}") or {
        "name": f"{path}/dockerImages/{id}",
        "uri": f"{repository['registryUri']}/{image['name']}@{digest}",
        "tags": [],
        "imageSizeBytes": "0",
        "uploadTime": now(),
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "_name": image["name"],
        "_digest": digest,
    }
    stored["tags"] = sorted({*stored["tags"], image["tag"]})
    cloud.put("artifactregistry", f"{path}/dockerImages/{id}", stored)


def find_image(cloud: GoogleCloud, reference: str) -> Properties | None:
    """The image of a reference by tag or digest; None when there is none."""
    image = IMAGE.fullmatch(reference)
    if image is None:
        return None
    for _, known in cloud.below("artifactregistry", f"{_repository_path(image)}/dockerImages"):
        same = known["_digest"] == image["digest"] if image["digest"] else (image["tag"] or "latest") in known["tags"]
        if known["_name"] == image["name"] and same:
            return known
    return None


def is_missing(cloud: GoogleCloud, reference: str) -> bool:
    """Whether an image ought to be in a repository that is here, and is not."""
    image = IMAGE.fullmatch(reference)
    here = image is not None and cloud.look_up("artifactregistry", _repository_path(image)) is not None
    return here and find_image(cloud, reference) is None
