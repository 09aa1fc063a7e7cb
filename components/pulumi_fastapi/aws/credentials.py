"""Who calls AWS from the program itself: to gate a deploy and to say what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import pulumi


class DeployError(Exception):
    """A deploy did not start, or did not end as asked."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The provider's settings that decide whose account is called."""

    profile: Optional[str] = None
    assume_roles: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of_program(cls) -> "Credentials":
        """Those of the stack's default AWS provider; what it leaves open comes from the environment, as there."""
        config = pulumi.Config("aws")
        roles = config.get_object("assumeRoles")
        return cls(
            profile=config.get("profile"),
            assume_roles=tuple(roles) if isinstance(roles, list) else (),
        )

    def session(self, arn: str) -> "Aws":
        """Clients for the region and account of what is deployed.

        Raises:
            DeployError: no credentials, or those of another account.
        """
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        region, account = arn.split(":")[3:5]
        try:
            session = boto3.Session(profile_name=self.profile, region_name=region)
            for role in self.assume_roles:
                session = _assumed(session, role)
            found = Aws(session)
            caller = found.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise DeployError(f"cannot check the deploy in AWS: {error}; or set verify_deployments=False") from None
        if caller != account:
            raise DeployError(
                f"cannot check the deploy: the program's credentials are of account {caller}, what it deploys is in"
                f" {account}; set aws:profile or the environment to that account, or verify_deployments=False"
            )
        return found


def _assumed(session: Any, role: Mapping[str, Any]) -> Any:
    import boto3

    request = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "pulumi-fastapi"}
    if role.get("externalId"):
        request["ExternalId"] = role["externalId"]
    keys = session.client("sts").assume_role(**request)["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=session.region_name,
    )


class Aws:
    """boto3 clients that wait out throttling."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def client(self, service: str, **settings: Any) -> Any:
        """A client of the session's account and region; `settings` are botocore's, in place of ours."""
        from botocore.config import Config

        ours = {"retries": {"mode": "standard", "max_attempts": 10}, "connect_timeout": 10, "read_timeout": 30}
        return self._session.client(service, config=Config(**{**ours, **settings}))


def firing_alarms(aws: Aws, names: Sequence[str]) -> list[str]:
    """Those of the alarms that are in ALARM."""
    if not names:
        return []
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    return [str(alarm["AlarmName"]) for alarm in found if alarm["StateValue"] == "ALARM"]


def indented(lines: Sequence[str]) -> str:
    """Lines of a log, below the line of a message that they explain."""
    return "".join(f"\n    | {line}" for line in lines)
