"""A Lambda function's own HTTPS URL, the cheapest way in: it costs nothing by itself."""

from typing import Optional

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from ..component import Component
from ..validation import one_of

URL_SECONDS = 900
"""Longest request through a function URL in seconds: as long as a function may run."""
PAYLOAD_BYTES = 6 * 1024 * 1024
"""Largest request and largest answer of a buffered invocation, with a binary body in base64 (Lambda quotas)."""


class FunctionUrl(Component):
    """A public HTTPS URL of one alias of a function, with both permissions that a URL needs.

    It takes requests of `PAYLOAD_BYTES` and answers them as a whole: the runtime does not stream on Lambda. It has no
    CORS of its own, as the app answers for that itself: two answers would be two `Access-Control-Allow-Origin`, which
    browsers refuse. Neither a domain nor a web ACL can be put on it; put a `CloudFront` before it for those.
    """

    url: Output[str]
    """The URL, with a slash at its end."""
    host: Output[str]
    """Its DNS name."""

    def __init__(
        self,
        name: str,
        function_name: Input[str],
        qualifier: Input[str],
        authorization_type: str = "NONE",
        opts: Optional[ResourceOptions] = None,
    ) -> None:
        """Make the URL.

        Args:
            name: of the component.
            function_name: name of the function.
            qualifier: alias that answers; a URL of `$LATEST` would serve what is not released yet.
            authorization_type: `NONE`, anyone may call, or `AWS_IAM`, only requests signed by who may: a `CloudFront`
                that signs them. Default NONE.
            opts: options of the component.

        Raises:
            ArgumentError: another authorization_type.
        """
        one_of("authorization_type", authorization_type, ("NONE", "AWS_IAM"))
        super().__init__(name, None, opts)
        url = aws.lambda_.FunctionUrl(
            self.child_name("url"),
            function_name=function_name,
            qualifier=qualifier,
            authorization_type=authorization_type,
            invoke_mode="BUFFERED",
            opts=self.child,
        )
        if authorization_type == "NONE":
            allow_url(self, "public", url.function_name, qualifier, "*", authorization_type)
        self.publish(url=url.function_url, host=url.function_url.apply(host_of))


def allow_url(
    component: Component,
    label: str,
    function_name: Input[str],
    qualifier: Input[str],
    principal: str,
    authorization_type: str,
    source_arn: Optional[Input[str]] = None,
) -> None:
    """Let someone call the URL of an alias: the URL, and through it the function. With one of both it answers 403."""
    aws.lambda_.Permission(
        component.child_name(f"{label}-url", limit=100),
        function=function_name,
        qualifier=qualifier,
        action="lambda:InvokeFunctionUrl",
        principal=principal,
        function_url_auth_type=authorization_type,
        source_arn=source_arn,
        opts=component.child,
    )
    aws.lambda_.Permission(
        component.child_name(f"{label}-function", limit=100),
        function=function_name,
        qualifier=qualifier,
        action="lambda:InvokeFunction",
        principal=principal,
        invoked_via_function_url=True,
        source_arn=source_arn,
        opts=component.child,
    )


def host_of(url: str) -> str:
    """The DNS name in `https://name/`."""
    return url.removeprefix("https://").rstrip("/")
