"""Cloud SQL: instances, databases and users."""

import re
import uuid
import zlib

from pulumi_fastapi.emulator.gcp.apis.servicenetworking import connection_of, network_path
from pulumi_fastapi.emulator.gcp.cloud import Call, completes, handles, now, refuses_deletion, visible
from pulumi_fastapi.emulator.gcp.errors import GoogleError
from pulumi_fastapi.emulator.gcp.methods import finish
from pulumi_fastapi.emulator.values import Properties


@completes("sqladmin", "instances")
def complete_instance(call: Call, path: str, instance: Properties, before: Properties | None) -> None:
    project, name = path.split("/")[1], path.rsplit("/", 1)[1]
    if before is None and path in call.cloud.retired:
        text = f"The Cloud SQL instance {name} was deleted within the last week; its name cannot be used again yet."
        raise GoogleError(409, text, "instanceAlreadyExists")
    settings: Properties = {**instance.get("settings", {})}
    instance["settings"] = settings
    instance.setdefault("region", "us-central1")
    version = re.match(r"POSTGRES_(\d+)", str(instance.get("databaseVersion", "")))
    settings.setdefault("edition", "ENTERPRISE_PLUS" if version and int(version[1]) >= 16 else "ENTERPRISE")
    defaults = {"dataDiskType": "PD_SSD", "dataDiskSizeGb": "10", "availabilityType": "ZONAL"}
    for key, value in {**defaults, "activationPolicy": "ALWAYS", "pricingPlan": "PER_USE"}.items():
        settings.setdefault(key, value)
    earlier = (before or {}).get("settings", {})
    settings["settingsVersion"] = str(int(earlier.get("settingsVersion", 0)) + 1)
    if int(settings["dataDiskSizeGb"]) < int(earlier.get("dataDiskSizeGb", 0)):
        raise GoogleError(400, "Invalid request: Disk size cannot be decreased.", "invalid")
    number = call.cloud.project_number(project)
    instance.update(
        kind="sql#instance",
        name=name,
        project=project,
        state="RUNNABLE",
        backendType="SECOND_GEN",
        instanceType=instance.get("instanceType") or "CLOUD_SQL_INSTANCE",
        connectionName=f"{project}:{instance['region']}:{name}",
        selfLink=f"https://sqladmin.googleapis.com/sql/v1beta4/{path}",
        serviceAccountEmailAddress=f"p{number}-emulated@gcp-sa-cloud-sql.iam.gserviceaccount.com",
        etag=uuid.uuid4().hex,
        ipAddresses=_addresses(call, settings, before or {}),
        serverCaCert=(before or {}).get("serverCaCert") or _authority(name),
    )
    instance.pop("rootPassword", None)


def _addresses(call: Call, settings: Properties, before: Properties) -> list[Properties]:
    known = {each["type"]: each for each in before.get("ipAddresses", [])}
    configuration = settings.get("ipConfiguration") or {}
    addresses = []
    place = zlib.crc32(str(call.id).encode()) % 200 + 3
    if configuration.get("ipv4Enabled", True):
        addresses.append(known.get("PRIMARY") or {"type": "PRIMARY", "ipAddress": f"34.1.2.{place}"})
    network = configuration.get("privateNetwork")
    if network:
        _check_peered(call, str(network))
        addresses.append(known.get("PRIVATE") or {"type": "PRIVATE", "ipAddress": f"10.77.0.{place}"})
    elif "PRIVATE" in known:
        raise GoogleError(400, "Invalid request: Private IP cannot be disabled.", "invalid")
    return addresses


def _check_peered(call: Call, network: str) -> None:
    path = network_path(call.cloud, network)
    if call.cloud.look_up("compute", path) is None:
        raise GoogleError(400, f"Invalid request: network {network} was not found.", "invalid")
    if connection_of(call.cloud, network) is None:
        number = call.cloud.project_number(path.split("/")[1])
        text = "Failed to create subnetwork. Create Service Networking connection with service"
        place = f"from consumer project '{number}' network '{path.rsplit('/', 1)[1]}' again"
        raise GoogleError(400, f"{text} 'servicenetworking.googleapis.com' {place}.", "NETWORK_NOT_PEERED")


def _authority(name: str) -> Properties:
    certificate = f"-----BEGIN CERTIFICATE-----\nemulated {name}\n-----END CERTIFICATE-----"
    return {"kind": "sql#sslCert", "cert": certificate, "commonName": "Google Cloud SQL Server CA", "createTime": now()}


@refuses_deletion("sqladmin", "instances")
def keep_protected(call: Call, instance: Properties) -> None:
    if instance["settings"].get("deletionProtectionEnabled"):
        text = "The instance is protected. Please disable the deletion protection and try again."
        raise GoogleError(400, text, "FAILED_PRECONDITION")
    call.cloud.retired.add(call.path)


@completes("sqladmin", "databases")
def complete_database(call: Call, path: str, database: Properties, before: Properties | None) -> None:
    instance = path.rpartition("/databases/")[0]
    call.cloud.find("sqladmin", instance)
    database.update(kind="sql#database", selfLink=f"https://sqladmin.googleapis.com/sql/v1beta4/{path}")
    database.setdefault("charset", "UTF8")
    database.setdefault("collation", "en_US.UTF8")


@completes("sqladmin", "users")
def complete_user(call: Call, path: str, user: Properties, before: Properties | None) -> None:
    instance = call.cloud.find("sqladmin", path.rpartition("/users/")[0])
    user["_password"] = bool(user.pop("password", None))
    if user.get("type", "BUILT_IN").startswith("CLOUD_IAM"):
        flags = {each["name"]: each["value"] for each in instance["settings"].get("databaseFlags", [])}
        if flags.get("cloudsql.iam_authentication") != "on":
            text = "IAM users need the flag cloudsql.iam_authentication to be on"
            raise GoogleError(400, f"Invalid request: {text}.", "invalid")
    elif not user["_password"] and before is None:
        raise GoogleError(400, "Invalid request: a built-in user needs a password.", "invalid")
    user.update(kind="sql#user", host=user.get("host", ""), instance=path.split("/")[3], project=call.project)


def _user_path(call: Call) -> str:
    return f"{call.path}/{call.query.get('name', '')}"


@handles("sql.users.list")
def list_users(call: Call) -> Properties:
    call.cloud.find("sqladmin", call.path.removesuffix("/users"))
    return {"items": [visible(user) for _, user in call.cloud.below("sqladmin", call.path)]}


@handles("sql.users.update")
def update_user(call: Call) -> Properties:
    user = call.cloud.find("sqladmin", _user_path(call))
    user["_password"] = user["_password"] or "password" in call.body
    return finish(call, _user_path(call), user)


@handles("sql.users.delete")
def delete_user(call: Call) -> Properties:
    user = call.cloud.find("sqladmin", _user_path(call))
    call.cloud.remove("sqladmin", _user_path(call))
    return finish(call, _user_path(call), user)
