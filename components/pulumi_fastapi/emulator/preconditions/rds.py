"""Databases, their groups and proxies."""

from pulumi_fastapi.emulator.api import Api, ApiError
from pulumi_fastapi.emulator.preconditions.checks import before, find
from pulumi_fastapi.emulator.preconditions.roles import trusts
from pulumi_fastapi.emulator.values import Properties


@before("rds:CreateDBInstance")
def _database(api: Api, region: str, params: Properties) -> None:
    _groups_known(api, region, "CreateDBInstance", params.get("VpcSecurityGroupIds") or [])
    role = params.get("MonitoringRoleArn")
    if role and not trusts(api, region, role, "monitoring.rds"):
        raise ApiError(
            "rds",
            "CreateDBInstance",
            "InvalidParameterValue",
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING: "
            f"{role}",
        )
    _family_fits(api, region, params)


def _family_fits(api: Api, region: str, params: Properties) -> None:
    """PostgreSQL 16 takes no parameter group of family postgres15."""
    name, version = params.get("DBParameterGroupName"), params.get("EngineVersion")
    if not name or not version or params["Engine"] != "postgres":
        return
    wanted = f"postgres{version.split('.')[0]}"
    groups = find(api, "rds", "DescribeDBParameterGroups", "DBParameterGroups", region, DBParameterGroupName=name)
    if groups and groups[0]["DBParameterGroupFamily"] != wanted:
        raise ApiError(
            "rds",
            "CreateDBInstance",
            "InvalidParameterCombination",
            f"The parameter group {name} with DBParameterGroupFamily {groups[0]['DBParameterGroupFamily']} can't be "
            f"used for this instance. Use a parameter group with DBParameterGroupFamily {wanted}.",
        )


def _groups_known(api: Api, region: str, operation: str, ids: list[str]) -> None:
    for id in ids:
        if not find(api, "ec2", "DescribeSecurityGroups", "SecurityGroups", region, GroupIds=[id]):
            raise ApiError("rds", operation, "InvalidParameterValue", f"Invalid security group , groupId= {id}")


@before("rds:DeleteDBInstance")
def _final_snapshot(api: Api, region: str, params: Properties) -> None:
    if params.get("SkipFinalSnapshot"):
        return
    snapshot = params.get("FinalDBSnapshotIdentifier")
    if not snapshot:
        raise ApiError(
            "rds",
            "DeleteDBInstance",
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if find(api, "rds", "DescribeDBSnapshots", "DBSnapshots", region, DBSnapshotIdentifier=snapshot):
        raise ApiError(
            "rds",
            "DeleteDBInstance",
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {snapshot} already exists.",
        )


@before("rds:DeleteDBParameterGroup")
def _parameter_group_in_use(api: Api, region: str, params: Properties) -> None:
    name = params["DBParameterGroupName"]
    for instance in find(api, "rds", "DescribeDBInstances", "DBInstances", region):
        used = {group["DBParameterGroupName"] for group in instance.get("DBParameterGroups") or []}
        if name in used:
            raise ApiError(
                "rds",
                "DeleteDBParameterGroup",
                "InvalidDBParameterGroupState",
                "One or more database instances are still members of this parameter group "
                f"{name}, so the group cannot be deleted",
            )


@before("rds:DeleteDBSubnetGroup")
def _subnet_group_in_use(api: Api, region: str, params: Properties) -> None:
    name = params["DBSubnetGroupName"]
    for instance in find(api, "rds", "DescribeDBInstances", "DBInstances", region):
        if (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName") == name:
            raise ApiError(
                "rds",
                "DeleteDBSubnetGroup",
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{instance['DBInstanceIdentifier']} is still using it.",
            )


@before("rds:CreateDBSubnetGroup", "rds:ModifyDBSubnetGroup")
def _subnet_group_zones(api: Api, region: str, params: Properties) -> None:
    subnets = find(api, "ec2", "DescribeSubnets", "Subnets", region, SubnetIds=params["SubnetIds"])
    if subnets and len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        zone = subnets[0]["AvailabilityZone"]
        raise ApiError(
            "rds",
            "CreateDBSubnetGroup",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {zone}. Add subnets to cover at least 2 AZs.",
        )


@before("rds:CreateDBProxy")
def _proxy_role(api: Api, region: str, params: Properties) -> None:
    if not trusts(api, region, params["RoleArn"], "rds"):
        raise ApiError(
            "rds",
            "CreateDBProxy",
            "InvalidParameterValue",
            f"RDS is not authorized to assume service-linked role {params['RoleArn']}",
        )


@before("rds:RegisterDBProxyTargets")
def _proxy_target(api: Api, region: str, params: Properties) -> None:
    for identifier in params.get("DBInstanceIdentifiers") or []:
        if not find(api, "rds", "DescribeDBInstances", "DBInstances", region, DBInstanceIdentifier=identifier):
            raise ApiError(
                "rds", "RegisterDBProxyTargets", "DBInstanceNotFoundFault", f"DBInstance {identifier} not found."
            )
