"""A FastAPI app on AWS Lambda."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config import StackFile, check_connections, part
from on_aws import AwsParts, outputs
from pulumi import Output
from pulumi_fastapi import LambdaFastAPIFunction, LambdaFastAPIFunctionArgs

OUTPUTS = ("url", "image", "function_name", "alias_name", "version", "log_group_name")


@dataclass(frozen=True)
class LambdaStack:
    """The Args of the parts; what they share comes in later."""

    parts: AwsParts
    function: LambdaFastAPIFunctionArgs

    def create(self) -> Mapping[str, Any]:
        """Create the parts, and return what the stack exports."""
        made = self.parts.create(network=self.parts.database is not None)
        secret = self.function.origin_secret
        if secret is not None:
            made["origin_secret"] = Output.secret(secret)
        function = LambdaFastAPIFunction(self.parts.name, replace(self.function, **made))
        return outputs(function, OUTPUTS, self.parts)


def checked(keys: StackFile, name: str) -> LambdaStack:
    """What the file says, checked.

    Raises:
        ArgumentError: names the key.
    """
    parts = AwsParts.checked(keys, name)
    function = part(
        "function",
        LambdaFastAPIFunctionArgs,
        keys.of_component,
        app=keys.described_app,
        network=None,
        database=None,
        domain=keys.domain,
        zone_id=keys.zone_id,
        origin_secret=keys.origin_secret,
        deletion_protection=keys.deletion_protection,
        alarm_emails=None,
        alarm_topic_arn=None,
    )
    check_connections(parts.database, function.connection_demand(name))
    return LambdaStack(parts, function)
