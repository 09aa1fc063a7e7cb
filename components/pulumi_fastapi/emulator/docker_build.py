"""The `docker-build` provider without Docker: an image is the hash of what would be built, and nothing is built.

The digest is a real one, of a manifest that the emulated registry stores; there are no layers behind it.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from pulumi_fastapi.emulator.api import Api, ApiError, NotEmulated
from pulumi_fastapi.emulator.build_context import context_hash
from pulumi_fastapi.emulator.gcp.apis.artifactregistry import IMAGE as GOOGLE_IMAGE
from pulumi_fastapi.emulator.gcp.apis.artifactregistry import find_image, push
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.provider import ProviderLifeCycle, name_of, one_line_errors, type_of
from pulumi_fastapi.emulator.schema import schema_of
from pulumi_fastapi.emulator.shapes import shape_problems
from pulumi_fastapi.emulator.values import (
    UNKNOWN,
    Properties,
    conceal,
    decode_struct,
    encode_struct,
    has_unknown,
    reveal,
    same,
)

IMAGE = "docker-build:index:Image"
NOT_BUILT = "The emulator has not built this image: its digest stands for the build context, and no layers exist."

_ECR_TAG = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^:@]+):(?P<tag>.+)"
)
_REMOTE = re.compile(r"^(https?://|git://|git@|ssh://|docker-image://|github\.com/)")
# From Docker's reference grammar.
_REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_FROM = re.compile(r"^\s*FROM\s", re.IGNORECASE | re.MULTILINE)
_STAGE = re.compile(r"^\s*FROM\s+\S.*?\sAS\s+(\S+)", re.IGNORECASE | re.MULTILINE)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Failure:
    path: str
    message: str


class DockerBuildProvider(ProviderLifeCycle):
    name = "docker-build"

    def __init__(self, api: Api, google: GoogleCloud, version: str) -> None:
        super().__init__(version)
        self._api = api
        self._google = google
        self._engines: dict[str, engine_pb2_grpc.EngineStub] = {}

    # ----------------------------------------------------------------------------------------------------- life cycle
    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        channel = grpc.insecure_channel(request.address)
        self._engines[context.peer()] = engine_pb2_grpc.EngineStub(channel)
        return empty_pb2.Empty()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @staticmethod
    def marked(request: Any) -> Properties:
        return decode_struct(request.properties if hasattr(request, "properties") else request.news)

    # ---------------------------------------------------------------------------------------------------------- images
    @one_line_errors
    def Check(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        marked = decode_struct(request.news)
        inputs = reveal(marked)
        if type_of(request.urn) != IMAGE:
            failure = provider_pb2.CheckFailure(reason=f"{type_of(request.urn)} is not emulated")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        name = name_of(request.urn)
        failures = [
            provider_pb2.CheckFailure(reason=f"{failure.message}. Examine values at '{name}.{failure.path}'.")
            for failure in _failures(inputs)
        ]
        return provider_pb2.CheckResponse(inputs=encode_struct(conceal(inputs, marked)), failures=failures)

    @one_line_errors
    def Diff(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old = reveal(decode_struct(request.old_inputs))
        olds, news = reveal(decode_struct(request.olds)), reveal(decode_struct(request.news))
        ignored = set(request.ignoreChanges)
        changed = [
            name
            for name in sorted(news.keys() | old.keys())
            if name not in ignored and not same(_compared(name, old.get(name)), _compared(name, news.get(name)))
        ]
        if not changed and not same(olds.get("contextHash"), _context_hash(news)):
            changed.append("contextHash")
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            hasDetailedDiff=True,
            detailedDiff={name: provider_pb2.PropertyDiff(kind=kinds.UPDATE) for name in changed},
        )

    @one_line_errors
    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        marked = decode_struct(request.properties)
        outputs = self._build(request, context, reveal(marked))
        return provider_pb2.CreateResponse(
            id="" if request.preview else name_of(request.urn),
            properties=encode_struct(conceal(outputs, marked)),
        )

    @one_line_errors
    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        marked = decode_struct(request.news)
        outputs = self._build(request, context, reveal(marked))
        return provider_pb2.UpdateResponse(properties=encode_struct(conceal(outputs, marked)))

    @one_line_errors
    def Read(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """An image that has gone from its registry has to be built again."""
        properties = reveal(decode_struct(request.properties))
        if properties.get("push") and not self._is_pushed(properties):
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """As the real provider: what has been pushed stays in the registry."""
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.tok} is not emulated")

    def _build(self, request: Any, context: grpc.ServicerContext, inputs: Properties) -> Properties:
        hashed = _context_hash(inputs)
        if request.preview:
            return {**inputs, "contextHash": hashed, "digest": UNKNOWN, "ref": UNKNOWN}
        manifest = _manifest(inputs, str(hashed))
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        tags = list(inputs.get("tags") or [])
        if inputs.get("push"):
            self._push(tags, manifest, digest, name_of(request.urn))
        self._say(context, request.urn, NOT_BUILT)
        exported = bool(inputs.get("push") or inputs.get("load") or inputs.get("exports"))
        reference = f"{tags[0]}@{digest}" if tags and exported else ""
        return {**inputs, "contextHash": hashed, "digest": digest if exported else "", "ref": reference}

    def _push(self, tags: Iterable[str], manifest: str, digest: str, name: str) -> None:
        for tag in tags:
            place = _ECR_TAG.fullmatch(tag)
            if place is None:
                self._push_to_google(tag, digest)
                continue
            params = {
                "repositoryName": place["name"],
                "imageManifest": manifest,
                "imageDigest": digest,  # moto would take that of the layers, of which there are none
                "imageTag": place["tag"],
                "imageManifestMediaType": _MANIFEST_TYPE,
            }
            try:
                self._api.call("ecr", "PutImage", params, place["region"], name)
            except ApiError as error:
                if error.code != "ImageAlreadyExistsException":
                    raise ValueError(f"failed to push {tag}: {error.code}: {error.api_message}") from None

    def _push_to_google(self, tag: str, digest: str) -> None:
        if not GOOGLE_IMAGE.fullmatch(tag):
            raise NotEmulated(f"failed to push {tag}: only the emulated ECR and Artifact Registry can be pushed to")
        try:
            push(self._google, tag, digest)
        except GoogleError as error:
            raise ValueError(f"failed to push {tag}: {error.api_message}") from None

    def _is_pushed(self, properties: Properties) -> bool:
        for tag in properties.get("tags") or []:
            place = _ECR_TAG.fullmatch(tag)
            if place is None:
                if GOOGLE_IMAGE.fullmatch(tag) and find_image(self._google, f"{tag}@{properties['digest']}") is None:
                    return False
                continue
            query = {"repositoryName": place["name"], "imageIds": [{"imageDigest": properties["digest"]}]}
            try:
                self._api.look_up("ecr", "DescribeImages", query, place["region"])
            except ApiError as error:
                if error.not_found:
                    return False
                raise
        return True

    def _say(self, context: grpc.ServicerContext, urn: str, message: str) -> None:
        engine = self._engines.get(context.peer())
        if engine is None:
            _log.info("%s", message)
            return
        engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=urn))


# ---------------------------------------------------------------------------------------------------------- validation
def _failures(inputs: Properties) -> Iterable[_Failure]:
    for problem in shape_problems(schema_of(IMAGE).inputs, inputs):
        yield _Failure(problem.path, problem.message)
    yield from _tag_failures(inputs)
    yield from _context_failures(inputs)


def _tag_failures(inputs: Properties) -> Iterable[_Failure]:
    tags = inputs.get("tags")
    if inputs.get("push") is True and not tags and not inputs.get("exports"):
        yield _Failure("tags", "at least one tag or export name is needed when pushing to a registry")
    for position, tag in enumerate(tags if isinstance(tags, list) else []):
        if isinstance(tag, str) and not _REFERENCE.fullmatch(tag):
            yield _Failure(f"tags[{position}]", f"{tag!r} is not a valid image reference")
    for position, platform in enumerate(inputs.get("platforms") or []):
        if isinstance(platform, str) and not re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(/v\d+)?", platform):
            yield _Failure(f"platforms[{position}]", f"{platform!r} is not a platform such as linux/arm64")


def _context_failures(inputs: Properties) -> Iterable[_Failure]:
    location = (inputs.get("context") or {}).get("location", ".")
    dockerfile = inputs.get("dockerfile") or {}
    if has_unknown(location) or has_unknown(dockerfile):
        return
    if dockerfile.get("inline") and dockerfile.get("location"):
        yield _Failure("dockerfile", "only specify 'dockerfile.location' or 'dockerfile.inline', not both")
        return
    if not _REMOTE.match(location) and not Path(location).is_dir():
        yield _Failure("context.location", f"{location!r} is not a directory")
        return
    text = _dockerfile_text(inputs)
    if text is None:
        path = "dockerfile.location" if dockerfile.get("location") else "context.location"
        yield _Failure(path, f"no Dockerfile at {_dockerfile_path(inputs)}")
    elif text and not _FROM.search(text):
        yield _Failure("dockerfile", "file with no instructions: there is no FROM")
    elif text and isinstance(inputs.get("target"), str) and inputs["target"] not in _STAGE.findall(text):
        yield _Failure("target", f"target stage {inputs['target']!r} could not be found")


# -------------------------------------------------------------------------------------------------------------- content
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def _dockerfile_path(inputs: Properties) -> Path:
    location = (inputs.get("dockerfile") or {}).get("location")
    return Path(location) if location else Path((inputs.get("context") or {}).get("location", ".")) / "Dockerfile"


def _dockerfile_text(inputs: Properties) -> str | None:
    """The Dockerfile, None when it is missing; empty when it is somewhere remote."""
    inline = (inputs.get("dockerfile") or {}).get("inline")
    if inline:
        return str(inline)
    location = (inputs.get("context") or {}).get("location", ".")
    path = _dockerfile_path(inputs)
    if _REMOTE.match(str((inputs.get("dockerfile") or {}).get("location") or "")) or _REMOTE.match(location):
        return ""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _context_hash(inputs: Properties) -> Any:
    """Hash of everything that makes another image: context, Dockerfile, arguments, platforms, target."""
    relevant = {name: inputs.get(name) for name in ("context", "dockerfile", "buildArgs", "platforms", "target")}
    if has_unknown(relevant):
        return UNKNOWN
    location = (inputs.get("context") or {}).get("location", ".")
    digest = hashlib.sha256()
    if _REMOTE.match(location):
        digest.update(location.encode())
    else:
        digest.update(context_hash(Path(location), _dockerfile_path(inputs)).encode())
    rest = [_dockerfile_text(inputs), *(relevant[name] for name in ("buildArgs", "platforms", "target"))]
    digest.update(json.dumps(rest, sort_keys=True).encode())
    return digest.hexdigest()


def _manifest(inputs: Properties, hashed: str) -> str:
    config = {
        "contextHash": hashed,
        "labels": inputs.get("labels") or {},
        "platforms": inputs.get("platforms") or [],
    }
    text = json.dumps(config, sort_keys=True)
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "size": len(text),
                "digest": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
            },
            "layers": [],
        }
    )


def _compared(name: str, value: Any) -> Any:
    """Registry passwords are tokens that change with every run and say nothing about the image."""
    if name == "registries" and isinstance(value, list):
        return [
            {key: item for key, item in registry.items() if key != "password"}
            if isinstance(registry, dict)
            else registry
            for registry in value
        ]
    return value
