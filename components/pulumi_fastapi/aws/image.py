"""The image of an app, built and pushed by digest."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import pulumi
import pulumi_aws as aws
import pulumi_docker_build as docker_build
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from .. import build_context
from ..app import FastAPIApp
from ..app_source import AppSource
from ..build import Build
from ..component import Component, as_args, fitting_name
from ..environment import PLACEHOLDER
from ..errors import ArgumentError
from ..validation import check_fields, one_of
from .registry import CACHE_PREFIX, IMAGE_PREFIX, Registry, RegistryArgs

ARCHITECTURES = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}
"""`cpuArchitecture` of a task to the platform of its image."""
_GIVEN_BY_FARGATE = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
"""Variables that every task has; clients made while the app is imported ask for a region, whichever it is."""


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    """Inputs of `Image`."""

    source: Optional[str] = None
    """Directory of the app. Default: the app bundled with this package."""
    module: Optional[str] = None
    """The ASGI app to serve. Default: the one that is found in `source`."""
    build: Build = field(default_factory=Build)
    """How to build it, as far as its own files do not say."""
    environment: Optional[dict[str, Input[str]]] = None
    """The variables that the app will have, for the import that ends the build; an Output stands for something unknown
    there. Default: none."""
    architecture: str = "ARM64"
    """`ARM64` or `X86_64`, as the task that runs it. Default ARM64."""

    def __post_init__(self) -> None:
        check_fields(self)
        one_of("architecture", self.architecture, ARCHITECTURES)
        if self.source is None and self.build.dockerfile is not None:
            raise ArgumentError("build.dockerfile", self.build.dockerfile, "is of use only with source, its context")
        source = self.app_source
        if self.build.dockerfile is None:
            source.python()
            source.check_names()
            if self.module is None:
                object.__setattr__(self, "module", source.module())

    @property
    def app_source(self) -> AppSource:
        """The app's files."""
        return AppSource(source=Path(self.source) if self.source else bundled_app() / "source", build=self.build)

    @property
    def build_arguments(self) -> dict[str, str]:
        """What the Dockerfile is told; one of the user's own is told nothing."""
        if self.build.dockerfile is not None:
            return {}
        known = {
            name: value if isinstance(value, str) else PLACEHOLDER for name, value in (self.environment or {}).items()
        }
        return self.app_source.arguments(self.module or "", {**_GIVEN_BY_FARGATE, **known})


class Image(Component):
    """The image of an app: built for the architecture of the task, cached in the registry, pushed under its content's
    hash.

    Nothing is built in preview. Costs only its storage in the registry.
    """

    reference: Output[str]
    """`repository@sha256:...`: what runs is what was built."""
    digest: Output[str]
    """Digest of the image's manifest."""

    def __init__(
        self, name: str, registry: Registry, args: Optional[ImageArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        args = as_args(ImageArgs, args)
        super().__init__(name, args, opts)
        context = stage_context(name, args.source, args.build)
        build_args = args.build_arguments
        if args.source is not None and args.build.dockerfile is None:
            for warning in args.app_source.warnings():
                pulumi.log.warn(warning, self)
        tag = IMAGE_PREFIX + build_context.digest(context, {**build_args, "architecture": args.architecture})[:16]
        cache = Output.concat(registry.url, ":", CACHE_PREFIX, args.architecture.lower())
        image = docker_build.Image(
            self.child_name("image"),
            context={"location": str(context)},
            dockerfile={"location": str(context / (args.build.dockerfile or "Dockerfile"))},
            build_args=build_args,
            secrets={"environment": Output.json_dumps(Output.secret(args.build.secrets))}
            if args.build.secrets
            else None,
            platforms=[docker_build.Platform(ARCHITECTURES[args.architecture])],
            tags=[Output.concat(registry.url, ":", tag)],
            cache_from=[{"registry": {"ref": cache}}],
            # ECR stores a cache only as an image manifest.
            cache_to=[
                {
                    "registry": {
                        "ref": cache,
                        "image_manifest": True,
                        "oci_media_types": True,
                        "mode": docker_build.CacheMode.MAX,
                    }
                }
            ],
            registries=[self._login(registry)],
            push=True,
            build_on_preview=False,
            opts=self.child,
        )
        self.publish(reference=Output.concat(registry.url, "@", image.digest), digest=image.digest)

    def _login(self, registry: Registry) -> docker_build.RegistryArgs:
        token = aws.ecr.get_authorization_token_output(
            registry_id=registry.registry_id, opts=InvokeOptions(parent=self)
        )
        return docker_build.RegistryArgs(
            address=registry.url, username=token.user_name, password=Output.secret(token.password)
        )


def image_of(
    component: Component,
    app: FastAPIApp,
    environment: dict[str, Input[str]],
    *,
    architecture: str,
    keep_images: int,
    deletion_protection: bool,
) -> Input[str]:
    """The image of a component's app by digest: the one that is given, or one built into a registry of its own.

    Args:
        environment: the variables with which the build imports the app.
    """
    if app.image is not None:
        return app.image
    registry = Registry(
        component.resource_name,
        RegistryArgs(keep_images=keep_images, deletion_protection=deletion_protection),
        opts=component.child,
    )
    args = ImageArgs(
        source=app.source, module=app.module, build=app.build, environment=environment, architecture=architecture
    )
    return Image(component.resource_name, registry, args, opts=component.child).reference


def stage_context(name: str, source: Optional[str], build: Build) -> Path:
    """A clean copy of exactly the files that matter, relative to the program, with the same modes on every machine.

    The provider hashes paths, modes and contents of a build context; without this, caches, checkouts with another umask
    and other home directories would each rebuild the image.
    """
    workspace = Path(".pulumi-fastapi")
    workspace.mkdir(exist_ok=True)
    (workspace / ".gitignore").write_text("*\n")
    target = workspace / "build" / fitting_name(name, "", 63)
    app = Path(source) if source is not None else None
    if build.dockerfile is not None and app is not None:
        return build_context.stage(app, target)
    return build_context.assemble(bundled_app(), app, target, build.extra_files)


def bundled_app() -> Path:
    """The app this package brings: beside the installed package, or in the checkout of its repository."""
    package = Path(__file__).parents[1]
    installed = package / "bundled_app"
    return installed if installed.is_dir() else package.parents[1] / "app"
