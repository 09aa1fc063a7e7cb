"""What moto 5 lacks or gets wrong, put right in this process only."""

# mypy: disable-error-code="method-assign, assignment, attr-defined"
import copy
import functools
import os
import secrets
from typing import Any

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def prepare_moto() -> None:
    """Configure and patch moto; has to run before its server is made. Safe to call again."""
    # AWS-managed policies exist, and certificates are issued at once instead of after a minute.
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "-1")
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    _patch()


@functools.lru_cache(maxsize=1)
def _patch() -> None:
    _keep_service_settings()
    _keep_subnet_group_on_modify()
    _give_each_database_its_own_resource_id()
    _add_rds_operations()
    _read_managed_policies_once()
    from pulumi_fastapi.emulator import moto_additions, moto_cloudfront, moto_lambda

    moto_cloudfront.install()
    moto_lambda.install()
    moto_additions.install()


def _keep_service_settings() -> None:
    """CreateService drops most of what it is given, and a deployment never completes."""
    from moto.core.utils import camelcase_to_underscores
    from moto.ecs.models import EC2ContainerServiceBackend, Service
    from moto.ecs.responses import EC2ContainerServiceResponse

    kept = (
        "availabilityZoneRebalancing",
        "capacityProviderStrategy",
        "deploymentConfiguration",
        "enableECSManagedTags",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "placementConstraints",
        "placementStrategy",
    )
    create = EC2ContainerServiceResponse.create_service
    update = EC2ContainerServiceBackend.update_service
    validate_network = Service._validate_network

    def create_service(self: Any) -> Any:
        answer = create(self)
        cluster = self._get_param("cluster", "default").split("/")[-1]
        service = self.ecs_backend.services[f"{cluster}:{self._get_param('serviceName')}"]
        for name in kept:
            value = self._get_param(name)
            if value is not None:
                setattr(service, camelcase_to_underscores(name), value)
        if self._get_param("capacityProviderStrategy"):
            service.launch_type = None
        _complete(service)
        return answer

    def update_service(self: Any, service_properties: dict[str, Any]) -> Any:
        service = update(self, service_properties)
        _complete(service)
        return service

    def _validate_network(self: Any, configuration: dict[str, Any]) -> Any:
        # Both are optional in the API; moto reads them without asking.
        configuration["awsvpcConfiguration"].setdefault("securityGroups", [])
        configuration["awsvpcConfiguration"].setdefault("assignPublicIp", "DISABLED")
        return validate_network(self, configuration)

    EC2ContainerServiceResponse.create_service = create_service
    EC2ContainerServiceBackend.update_service = update_service
    Service._validate_network = _validate_network


def _complete(service: Any) -> None:
    """The tasks run and the newest deployment is done."""
    service.running_count = service.desired_count
    service.pending_count = 0
    for deployment in service.deployments[:1]:
        deployment["desiredCount"] = deployment["runningCount"] = service.desired_count
        deployment["pendingCount"] = 0
        deployment["rolloutState"] = "COMPLETED"
        deployment["taskDefinition"] = service.task_definition


def _keep_subnet_group_on_modify() -> None:
    """ModifyDBSubnetGroup deletes the group."""
    from moto.rds.models import RDSBackend

    def modify_db_subnet_group(self: Any, subnet_name: str, description: str, subnets: Any) -> Any:
        group = self.subnet_groups[subnet_name]
        group.subnets = subnets
        if description is not None:
            group.description = description
        return group

    RDSBackend.modify_db_subnet_group = modify_db_subnet_group


def _give_each_database_its_own_resource_id() -> None:
    """Every instance has the same DbiResourceId."""
    from moto.rds.models import DBInstance

    initialise = DBInstance.__init__

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        initialise(self, *arguments, **named)
        self.dbi_resource_id = "db-" + "".join(secrets.choice(_BASE32) for _ in range(26))

    DBInstance.__init__ = __init__


def _add_rds_operations() -> None:
    """ResetDBParameterGroup and ModifyDBProxy."""
    from moto.core.responses import ActionResult
    from moto.rds.responses import RDSResponse

    def reset_db_parameter_group(self: Any) -> Any:
        name = self._get_param("DBParameterGroupName")
        group = self.backend.describe_db_parameter_groups({"DBParameterGroupName": name})[0]
        for parameter in self._get_param("Parameters", []):
            group.parameters.pop(parameter["ParameterName"], None)
        return ActionResult({"DBParameterGroupName": name})

    def modify_db_proxy(self: Any) -> Any:
        proxy = self.backend.describe_db_proxies(self._get_param("DBProxyName"))[0]
        for member, attribute in (
            ("Auth", "auth"),
            ("RequireTLS", "require_tls"),
            ("IdleClientTimeout", "idle_client_timeout"),
            ("DebugLogging", "debug_logging"),
            ("RoleArn", "role_arn"),
            ("SecurityGroups", "vpc_security_group_ids"),
        ):
            value = self._get_param(member)
            if value is not None:
                setattr(proxy, attribute, value)
        return ActionResult({"DBProxy": proxy})

    RDSResponse.reset_db_parameter_group = reset_db_parameter_group
    RDSResponse.modify_db_proxy = modify_db_proxy


def _read_managed_policies_once() -> None:
    """Parsing AWS's policies takes 0.2 s, for each of six partitions, on every reset."""
    from moto.iam.models import IAMBackend

    parse = IAMBackend._init_aws_policies
    parsed: dict[str, list[Any]] = {}

    def _init_aws_policies(self: Any) -> list[Any]:
        if self.partition != "aws":
            return []
        if self.account_id not in parsed:
            parsed[self.account_id] = parse(self)
        # Each backend counts its own attachments.
        return [copy.copy(policy) for policy in parsed[self.account_id]]

    IAMBackend._init_aws_policies = _init_aws_policies
