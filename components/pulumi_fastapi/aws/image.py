"""The image of an app in ECR."""

from typing import Optional

import pulumi_aws as aws
import pulumi_docker_build as docker_build
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from ..app import FastAPIApp
from ..component import Component, as_args
from ..image import ImageArgs, pushed_image
from .registry import Registry, RegistryArgs


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
        image = pushed_image(self, args, url=registry.url, cache_url=registry.url, login=self._login(registry))
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
