"""The image of an app: what it is made from, and how it is built and pushed by digest, into whatever registry."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import pulumi
import pulumi_docker_build as docker_build
from pulumi import Input, Output

from . import build_context
from .app_source import AppSource
from .build import Build
from .component import Component, fitting_name
from .environment import PLACEHOLDER
from .errors import ArgumentError
from .validation import check_fields, one_of

ARCHITECTURES = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}
"""Architecture of an instance to the platform of its image."""
IMAGE_PREFIX = "img-"
"""Tags of images; each is of one content and never moves."""
CACHE_PREFIX = "cache-"
"""Tags of the build cache, the only ones that move."""
_GIVEN = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
"""Variables that every task on AWS has; clients made while the app is imported ask for a region, whichever it is."""


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
    """`ARM64` or `X86_64`, as what runs it. Default ARM64."""

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
        return self.app_source.arguments(self.module or "", {**_GIVEN, **known})


def pushed_image(
    component: Component, args: ImageArgs, *, url: Input[str], cache_url: Input[str], login: docker_build.RegistryArgs
) -> docker_build.Image:
    """The resource that builds the image and pushes it under its content's hash; it does neither in preview.

    Args:
        url: where to push to, without a tag.
        cache_url: where the cache of the build is kept, without a tag.
        login: to the registry of both.
    """
    context = stage_context(component.resource_name, args.source, args.build)
    build_args = args.build_arguments
    if args.source is not None and args.build.dockerfile is None:
        for warning in args.app_source.warnings():
            pulumi.log.warn(warning, component)
    tag = IMAGE_PREFIX + build_context.digest(context, {**build_args, "architecture": args.architecture})[:16]
    cache = Output.concat(cache_url, ":", CACHE_PREFIX, args.architecture.lower())
    return docker_build.Image(
        component.child_name("image"),
        context={"location": str(context)},
        dockerfile={"location": str(context / (args.build.dockerfile or "Dockerfile"))},
        build_args=build_args,
        secrets={"environment": Output.json_dumps(Output.secret(args.build.secrets))} if args.build.secrets else None,
        platforms=[docker_build.Platform(ARCHITECTURES[args.architecture])],
        tags=[Output.concat(url, ":", tag)],
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
        registries=[login],
        push=True,
        build_on_preview=False,
        opts=component.child,
    )


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
    package = Path(__file__).parent
    installed = package / "bundled_app"
    return installed if installed.is_dir() else package.parents[1] / "app"
