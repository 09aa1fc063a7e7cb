"""The image of an app in Artifact Registry."""

from typing import Optional

import pulumi_docker_build as docker_build
import pulumi_gcp as gcp
from pulumi import InvokeOptions, Output, ResourceOptions

from ..component import as_args
from ..image import ImageArgs, pushed_image
from .component import GoogleComponent
from .registry import Registry

ARCHITECTURE = "X86_64"
"""The one that Cloud Run has."""


class Image(GoogleComponent):
    """The image of an app: built for Cloud Run, cached in the registry, pushed under its content's hash.

    Nothing is built in preview. Costs only its storage in the registry.
    """

    reference: Output[str]
    """`repository@sha256:...`: what runs is what was built."""
    digest: Output[str]
    """Digest of the image's manifest."""

    def __init__(self, name: str, registry: Registry, args: ImageArgs, opts: Optional[ResourceOptions] = None) -> None:
        args = as_args(ImageArgs, args)
        super().__init__(name, args, opts)
        image = pushed_image(self, args, url=registry.url, cache_url=registry.cache_url, login=self._login(registry))
        self.publish(reference=Output.concat(registry.url, "@", image.digest), digest=image.digest)

    def _login(self, registry: Registry) -> docker_build.RegistryArgs:
        token = gcp.organizations.get_client_config_output(opts=InvokeOptions(parent=self)).access_token
        return docker_build.RegistryArgs(
            address=registry.host, username="oauth2accesstoken", password=Output.secret(token)
        )
