"""Databases, their groups and proxies."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_fastapi.emulator.aws.common import by_id, by_input, delete_by, input_id, number, pick
from pulumi_fastapi.emulator.mapping import Field
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName, Call, Calls, Context, Read, ResourceType
from pulumi_fastapi.emulator.values import Properties

Request = tuple[str, Mapping[str, Any]]


def _instance_key(context: Context) -> Mapping[str, Any]:
    """The API finds an instance by identifier; its ID in Pulumi is the resource ID that survives renaming."""
    identifier = context.old.get("identifier") or context.inputs.get("identifier") or context.id
    return {"DBInstanceIdentifier": identifier}


def _delete_instance(context: Context) -> Mapping[str, Any]:
    skip = bool(context.inputs.get("skipFinalSnapshot"))
    snapshot = context.inputs.get("finalSnapshotIdentifier")
    final = {"FinalDBSnapshotIdentifier": snapshot} if snapshot and not skip else {}
    return {**_instance_key(context), "SkipFinalSnapshot": skip, **final}


_MODIFIED = {
    "allocatedStorage": "AllocatedStorage",
    "allowMajorVersionUpgrade": "AllowMajorVersionUpgrade",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupWindow": "PreferredBackupWindow",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "databaseInsightsMode": "DatabaseInsightsMode",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "deletionProtection": "DeletionProtection",
    "engineVersion": "EngineVersion",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "identifier": "NewDBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "iops": "Iops",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "monitoringInterval": "MonitoringInterval",
    "monitoringRoleArn": "MonitoringRoleArn",
    "multiAz": "MultiAZ",
    "networkType": "NetworkType",
    "optionGroupName": "OptionGroupName",
    "parameterGroupName": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
    "performanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "port": "DBPortNumber",
    "publiclyAccessible": "PubliclyAccessible",
    "storageThroughput": "StorageThroughput",
    "storageType": "StorageType",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}


def _modify_instance(context: Context, _creating: bool) -> Iterable[Request]:
    """Only what changed is sent: ModifyDBInstance restarts for some members even if they stay the same."""
    request: dict[str, Any] = {}
    for name, member in _MODIFIED.items():
        value = context.inputs.get(name)
        if context.changed(name) and value is not None:
            request[member] = int(value) if isinstance(value, float) else value
    if context.changed("enabledCloudwatchLogsExports"):
        old = set(context.old.get("enabledCloudwatchLogsExports") or [])
        new = set(context.inputs.get("enabledCloudwatchLogsExports") or [])
        request["CloudwatchLogsExportConfiguration"] = {
            "EnableLogTypes": sorted(new - old),
            "DisableLogTypes": sorted(old - new),
        }
    if request:
        immediately = bool(context.inputs.get("applyImmediately"))
        yield "ModifyDBInstance", {**_instance_key(context), "ApplyImmediately": immediately, **request}
    if "identifier" in context.inputs:
        context.old["identifier"] = context.inputs["identifier"]


def _master_secret(context: Context) -> list[dict[str, Any]]:
    secret = context.live.get("MasterUserSecret")
    if not secret:
        return []
    return [
        {
            "secretArn": secret["SecretArn"],
            "secretStatus": secret["SecretStatus"],
            "kmsKeyId": secret.get("KmsKeyId", ""),
        }
    ]


def _endpoint(context: Context) -> str | None:
    endpoint = context.live.get("Endpoint") or {}
    return f"{endpoint['Address']}:{endpoint['Port']}" if endpoint.get("Address") else None


def _change_parameters(context: Context, creating: bool) -> Iterable[Request]:
    old = {} if creating else _parameters_by_name(context.old)
    new = _parameters_by_name(context.inputs)
    changed = [_parameter_member(parameter) for name, parameter in new.items() if old.get(name) != parameter]
    removed = [_parameter_member(old[name]) for name in old.keys() - new.keys()]
    # AWS takes at most 20 parameters in one call.
    for start in range(0, len(changed), 20):
        part = changed[start : start + 20]
        yield "ModifyDBParameterGroup", {"DBParameterGroupName": context.id, "Parameters": part}
    if removed:
        keys = [{key: item[key] for key in ("ParameterName", "ApplyMethod")} for item in removed]
        yield "ResetDBParameterGroup", {"DBParameterGroupName": context.id, "Parameters": keys}


def _parameters_by_name(properties: Properties) -> dict[str, Properties]:
    return {parameter["name"]: parameter for parameter in properties.get("parameters") or []}


def _parameter_member(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ParameterName": parameter["name"],
        "ParameterValue": str(parameter["value"]),
        "ApplyMethod": parameter.get("applyMethod") or "immediate",
    }


def _live_parameters(context: Context) -> Properties:
    answer = context.look_up("DescribeDBParameters", DBParameterGroupName=context.id, Source="user")
    given = _parameters_by_name(context.inputs)
    live = []
    for parameter in answer["Parameters"]:
        name = parameter["ParameterName"]
        if "ParameterValue" in parameter and (name in given or parameter.get("Source", "user") == "user"):
            found = {"name": name, "value": parameter["ParameterValue"]}
            if "applyMethod" in given.get(name, {}):
                found["applyMethod"] = parameter.get("ApplyMethod", given[name]["applyMethod"])
            live.append(found)
    return {"parameters": live}


def _proxy_target_id(context: Context) -> str:
    inputs = context.inputs
    kind, target = (
        ("RDS_INSTANCE", inputs["dbInstanceIdentifier"])
        if inputs.get("dbInstanceIdentifier")
        else ("TRACKED_CLUSTER", inputs["dbClusterIdentifier"])
    )
    return f"{inputs['dbProxyName']}/{inputs['targetGroupName']}/{kind}/{target}"


def _is_proxy_target(context: Context, target: Properties) -> bool:
    return target.get("RdsResourceId") in (
        context.inputs.get("dbInstanceIdentifier"),
        context.inputs.get("dbClusterIdentifier"),
    )


def _proxy_target_request(context: Context) -> Mapping[str, Any]:
    inputs = context.inputs
    target = (
        {"DBInstanceIdentifiers": [inputs["dbInstanceIdentifier"]]}
        if inputs.get("dbInstanceIdentifier")
        else {"DBClusterIdentifiers": [inputs["dbClusterIdentifier"]]}
    )
    return {"DBProxyName": inputs["dbProxyName"], "TargetGroupName": inputs["targetGroupName"], **target}


def _import_proxy_target(context: Context) -> None:
    proxy, group, kind, target = context.id.split("/")
    name = "dbInstanceIdentifier" if kind == "RDS_INSTANCE" else "dbClusterIdentifier"
    context.inputs.update({"dbProxyName": proxy, "targetGroupName": group, name: target})


def _change_proxy(context: Context, _creating: bool) -> Iterable[Request]:
    auths = [
        {
            ("IAMAuth" if key == "iamAuth" else key[0].upper() + key[1:]): value
            for key, value in auth.items()
            if value is not None
        }
        for auth in context.inputs.get("auths") or []
    ]
    request: dict[str, Any] = {"DBProxyName": context.id, "Auth": auths}
    for name, member in (
        ("requireTls", "RequireTLS"),
        ("debugLogging", "DebugLogging"),
        ("roleArn", "RoleArn"),
        ("vpcSecurityGroupIds", "SecurityGroups"),
    ):
        if context.inputs.get(name) is not None:
            request[member] = context.inputs[name]
    if context.inputs.get("idleClientTimeout") is not None:
        request["IdleClientTimeout"] = int(context.inputs["idleClientTimeout"])
    yield "ModifyDBProxy", request


ROWS = (
    ResourceType(
        pulumi_type="aws:rds/instance:Instance",
        service="rds",
        create="CreateDBInstance",
        id="DBInstance.DbiResourceId",
        nouns=("DBInstance", "DB"),
        autoname=AutoName("identifier", max_length=63, lower=True),
        fields={
            "allowMajorVersionUpgrade": None,
            "applyImmediately": None,
            "backupWindow": "PreferredBackupWindow",
            "blueGreenUpdate": None,
            "caCertIdentifier": "CACertificateIdentifier",
            "dbName": "DBName",
            "dbSubnetGroupName": Field("DBSubnetGroupName", read="DBSubnetGroup.DBSubnetGroupName"),
            "deleteAutomatedBackups": None,
            "enabledCloudwatchLogsExports": Field(
                "EnableCloudwatchLogsExports", encode=list, decode=list, read="EnabledCloudwatchLogsExports"
            ),
            "finalSnapshotIdentifier": None,
            "iamDatabaseAuthenticationEnabled": Field(
                "EnableIAMDatabaseAuthentication", read="IAMDatabaseAuthenticationEnabled"
            ),
            "identifier": "DBInstanceIdentifier",
            "instanceClass": "DBInstanceClass",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "parameterGroupName": Field("DBParameterGroupName", read="DBParameterGroups[0].DBParameterGroupName"),
            "password": "MasterUserPassword",
            "performanceInsightsEnabled": Field("EnablePerformanceInsights", read="PerformanceInsightsEnabled"),
            "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
            "port": Field("Port", read="Endpoint.Port"),
            "skipFinalSnapshot": None,
            "username": "MasterUsername",
            "vpcSecurityGroupIds": Field(
                "VpcSecurityGroupIds",
                encode=list,
                decode=lambda groups: [group["VpcSecurityGroupId"] for group in groups],
                read="VpcSecurityGroups",
            ),
        },
        read=Read("DescribeDBInstances", _instance_key, "DBInstances[0]"),
        delete=Call("DeleteDBInstance", _delete_instance),
        defaults={
            "applyImmediately": False,
            "autoMinorVersionUpgrade": True,
            "copyTagsToSnapshot": False,
            "deleteAutomatedBackups": True,
            "monitoringInterval": 0.0,
            "publiclyAccessible": False,
            "skipFinalSnapshot": False,
        },
        # Never told by AWS (password, managed or not) or dropped by moto.
        not_read=frozenset(
            {
                "password",
                "manageMasterUserPassword",
                "masterUserSecretKmsKeyId",
                "engineVersion",
                "databaseInsightsMode",
                "networkType",
                "performanceInsightsEnabled",
                "performanceInsightsRetentionPeriod",
                "performanceInsightsKmsKeyId",
                "maxAllocatedStorage",
                "monitoringRoleArn",
                "storageThroughput",
            }
        ),
        replace_on=frozenset(
            {
                "availabilityZone",
                "characterSetName",
                "dbName",
                "engine",
                "identifierPrefix",
                "kmsKeyId",
                "ncharCharacterSetName",
                "snapshotIdentifier",
                "storageEncrypted",
                "timezone",
                "username",
            }
        ),
        secret_outputs=frozenset({"password"}),
        steps=[Calls((*_MODIFIED, "enabledCloudwatchLogsExports"), _modify_instance, updates_only=True)],
        outputs={
            "arn": "DBInstanceArn",
            "address": "Endpoint.Address",
            "endpoint": _endpoint,
            "engineVersionActual": "EngineVersion",
            "hostedZoneId": "Endpoint.HostedZoneId",
            "identifier": "DBInstanceIdentifier",
            "masterUserSecrets": _master_secret,
            "port": number("Endpoint.Port"),
            "resourceId": "DbiResourceId",
            "status": "DBInstanceStatus",
        },
        import_id=lambda context: context.inputs.update({"identifier": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:rds/subnetGroup:SubnetGroup",
        service="rds",
        create="CreateDBSubnetGroup",
        update="ModifyDBSubnetGroup",
        id=lambda context: str(context.inputs["name"]).lower(),
        nouns=("DB",),
        autoname=AutoName(max_length=255, lower=True),
        fields={
            "name": "DBSubnetGroupName",
            "description": "DBSubnetGroupDescription",
            "subnetIds": Field(
                "SubnetIds",
                encode=list,
                decode=lambda subnets: [subnet["SubnetIdentifier"] for subnet in subnets],
                read="Subnets",
            ),
        },
        read=Read("DescribeDBSubnetGroups", by_id("DBSubnetGroupName"), "DBSubnetGroups[0]"),
        delete=delete_by("DeleteDBSubnetGroup", "DBSubnetGroupName"),
        defaults={"description": "Managed by Pulumi"},
        replace_on=frozenset({"name", "namePrefix"}),
        outputs={"arn": "DBSubnetGroupArn", "vpcId": "VpcId"},
    ),
    ResourceType(
        pulumi_type="aws:rds/parameterGroup:ParameterGroup",
        service="rds",
        create="CreateDBParameterGroup",
        id=input_id("name"),
        nouns=("DB",),
        autoname=AutoName(max_length=255, lower=True),
        fields={"name": "DBParameterGroupName", "family": "DBParameterGroupFamily", "skipDestroy": None},
        read=Read("DescribeDBParameterGroups", by_id("DBParameterGroupName"), "DBParameterGroups[0]"),
        delete=delete_by("DeleteDBParameterGroup", "DBParameterGroupName"),
        kept_by="skipDestroy",
        defaults={"description": "Managed by Pulumi", "skipDestroy": False},
        replace_on=frozenset({"name", "namePrefix", "family", "description"}),
        steps=[Calls(("parameters",), _change_parameters, _live_parameters)],
        outputs={"arn": "DBParameterGroupArn"},
    ),
    ResourceType(
        pulumi_type="aws:rds/proxy:Proxy",
        service="rds",
        create="CreateDBProxy",
        id=input_id("name"),
        nouns=("DB",),
        autoname=AutoName(max_length=60, lower=True),
        fields={
            "name": "DBProxyName",
            "auths": "Auth",
            "auths.iamAuth": "IAMAuth",
            "requireTls": "RequireTLS",
        },
        read=Read("DescribeDBProxies", by_id("DBProxyName"), "DBProxies[0]"),
        delete=delete_by("DeleteDBProxy", "DBProxyName"),
        replace_on=frozenset({"name", "engineFamily", "vpcSubnetIds"}),
        steps=[
            Calls(
                ("auths", "requireTls", "debugLogging", "roleArn", "vpcSecurityGroupIds", "idleClientTimeout"),
                _change_proxy,
                updates_only=True,
            )
        ],
        outputs={"arn": "DBProxyArn", "endpoint": "Endpoint"},
    ),
    ResourceType(
        pulumi_type="aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup",
        service="rds",
        create="ModifyDBProxyTargetGroup",
        update="ModifyDBProxyTargetGroup",
        id=input_id("dbProxyName"),
        nouns=("DB",),
        fields={"dbProxyName": "DBProxyName"},
        added=lambda _context: {"TargetGroupName": "default"},
        read=Read("DescribeDBProxyTargetGroups", by_id("DBProxyName"), "TargetGroups[0]"),
        delete=None,
        # moto drops the query.
        not_read=frozenset({"connectionPoolConfig"}),
        replace_on=frozenset({"dbProxyName"}),
        outputs={"arn": "TargetGroupArn", "name": "TargetGroupName"},
        import_id=lambda context: context.inputs.update({"dbProxyName": context.id}),
    ),
    ResourceType(
        pulumi_type="aws:rds/proxyTarget:ProxyTarget",
        service="rds",
        create="RegisterDBProxyTargets",
        id=_proxy_target_id,
        nouns=("DB",),
        request=_proxy_target_request,
        fields={"dbProxyName": "DBProxyName", "dbInstanceIdentifier": "RdsResourceId"},
        read=Read(
            "DescribeDBProxyTargets",
            by_input(DBProxyName="dbProxyName", TargetGroupName="targetGroupName"),
            pick("Targets", _is_proxy_target),
        ),
        delete=Call("DeregisterDBProxyTargets", _proxy_target_request),
        replace_on=EVERYTHING,
        outputs={"rdsResourceId": "RdsResourceId", "type": "Type", "endpoint": "Endpoint", "port": number("Port")},
        import_id=_import_proxy_target,
    ),
)
