"""The table of Google resource types: what the API documents do not say about each."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pulumi_fastapi.emulator.gcp.resource import (
    Context,
    ResourceType,
    in_turn,
    only_differing,
    patch_differing,
    patch_masked,
    patch_whole,
    put,
    set_one_by_one,
)
from pulumi_fastapi.emulator.mapping import Field, FieldSpec, dig
from pulumi_fastapi.emulator.resource import EVERYTHING, AutoName
from pulumi_fastapi.emulator.values import Properties, same

_ARTIFACTS = "artifactregistry.googleapis.com/v1/projects/{project}/locations/{location}"
_COMPUTE = "compute.googleapis.com/compute/v1/projects/{project}"
_DNS = "dns.googleapis.com/dns/v1/projects/{project}"
_IAM = "iam.googleapis.com/v1/projects/{project}"
_LOGGING = "logging.googleapis.com/v2/projects/{project}"
_MONITORING = "monitoring.googleapis.com/v3"
_RUN = "run.googleapis.com/v2/projects/{project}/locations/{location}"
_SECRETS = "secretmanager.googleapis.com/v1"
_SQL = "sqladmin.googleapis.com/v1/projects/{project}"


def _short_name(context: Context) -> str:
    return str(context.live["name"]).rsplit("/", 1)[1]


# ----------------------------------------------------------------------------------------------------------- Cloud Run
def _cloud_run() -> Iterator[ResourceType]:
    yield ResourceType(
        pulumi_type="gcp:cloudrunv2/service:Service",
        collection=f"{_RUN}/services",
        id_parameter="serviceId",
        autoname=AutoName(max_length=50),
        not_sent=frozenset({"location", "tags"}),
        fields={"buildConfig": None},
        replace_on=frozenset({"location", "name", "tags"}),
        update=patch_whole,
        sticky=frozenset({"traffics", "ingress", "launchStage"}),
        tainted=True,
        protected=True,
        defaults={"deletionProtection": True},
    )
    yield ResourceType(
        pulumi_type="gcp:cloudrunv2/job:Job",
        collection=f"{_RUN}/jobs",
        id_parameter="jobId",
        autoname=AutoName(max_length=63),
        not_sent=frozenset({"location", "tags"}),
        replace_on=frozenset({"location", "name", "tags"}),
        update=patch_whole,
        sticky=frozenset({"launchStage"}),
        tainted=True,
        protected=True,
        defaults={"deletionProtection": True},
        outputs={
            "latestCreatedExecutions": lambda context: (
                [context.live["latestCreatedExecution"]] if "latestCreatedExecution" in context.live else []
            )
        },
    )


# ------------------------------------------------------------------------------------------------------------ policies
def _iam_member(
    token: str, owner: str, id: str, *, get: str = "GET", place: str = "", autoname: bool = False
) -> ResourceType:
    """A member of a role: the real provider reads the policy, changes it and writes it back."""

    def read(context: Context) -> Properties:
        body: Properties | None = None if get == "GET" else {}
        return context.call(get, f"{context.url(owner)}:getIamPolicy", body)

    def binding_of(context: Context, policy: Properties) -> Properties | None:
        wanted = context.inputs.get("condition")
        for binding in policy.get("bindings", []):
            if binding["role"] == context.inputs["role"] and same(binding.get("condition"), wanted):
                return dict(binding)
        return None

    def write(context: Context, member: bool) -> None:
        policy = read(context)
        condition = context.inputs.get("condition")
        mine = binding_of(context, policy) or {"role": context.inputs["role"], "members": []}
        rest = [each for each in policy.get("bindings", []) if not same(visible_key(each), visible_key(mine))]
        members = [each for each in mine["members"] if each != context.inputs["member"]]
        members += [context.inputs["member"]] if member else []
        extra = {"condition": condition} if condition else {}
        policy["bindings"] = [*rest, {"role": mine["role"], "members": members, **extra}]
        policy["version"] = 3
        context.call("POST", f"{context.url(owner)}:setIamPolicy", {"policy": policy})

    def visible_key(binding: Properties) -> Properties:
        return {"role": binding["role"], "condition": binding.get("condition")}

    def fetch(context: Context) -> Properties | None:
        policy = read(context)
        mine = binding_of(context, policy)
        if mine is None or context.inputs["member"] not in mine["members"]:
            return None
        return {"etag": policy["etag"]}

    def delete(context: Context) -> None:
        write(context, member=False)

    def identify(context: Context) -> str:
        title = dig(context.inputs, "condition.title")
        owner_id = context.url(id).removeprefix("https://")
        return "/".join([owner_id, context.inputs["role"], context.inputs["member"], *([title] if title else [])])

    return ResourceType(
        pulumi_type=token,
        collection=owner,
        key=None,
        self_url=owner,
        id=identify,
        autoname=AutoName(max_length=63) if autoname else None,
        replace_on=EVERYTHING,
        creator=lambda context: write(context, member=True),
        reader=fetch,
        deleter=delete,
    )


def _policies() -> Iterator[ResourceType]:
    run_service = "projects/{project}/locations/{location}/services/{name}"
    repository = "projects/{project}/locations/{location}/repositories/{repository}"
    yield _iam_member(
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember", f"{_RUN}/services/{{name}}", run_service, autoname=True
    )
    yield _iam_member(
        "gcp:cloudrunv2/jobIamMember:JobIamMember",
        f"{_RUN}/jobs/{{name}}",
        "projects/{project}/locations/{location}/jobs/{name}",
        autoname=True,
    )
    yield _iam_member(
        "gcp:iap/webCloudRunServiceIamMember:WebCloudRunServiceIamMember",
        "iap.googleapis.com/v1/projects/{project}/iap_web/cloud_run-{location}/services/{cloudRunServiceName}",
        "projects/{project}/iap_web/cloud_run-{location}/services/{cloudRunServiceName}",
        get="POST",
    )
    yield _iam_member(
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
        f"{_ARTIFACTS}/repositories/{{repository}}",
        repository,
    )
    yield _iam_member(
        "gcp:secretmanager/secretIamMember:SecretIamMember",
        f"{_SECRETS}/projects/{{project}}/secrets/{{secretId}}",
        "projects/{project}/secrets/{secretId}",
    )
    yield _iam_member(
        "gcp:serviceaccount/iAMMember:IAMMember",
        "iam.googleapis.com/v1/{serviceAccountId}",
        "{serviceAccountId}",
        get="POST",
    )
    yield _iam_member(
        "gcp:projects/iAMMember:IAMMember",
        "cloudresourcemanager.googleapis.com/v1/projects/{project}",
        "{project}",
        get="POST",
    )


# ------------------------------------------------------------------------------------------------- images and secrets
def _policies_by_id(policies: Any) -> Properties:
    return {policy["id"]: {name: value for name, value in policy.items() if name != "id"} for policy in policies}


def _policies_as_list(policies: Mapping[str, Any]) -> list[Properties]:
    return [
        {"id": id, **{name: value for name, value in policy.items() if name != "id"}} for id, policy in policies.items()
    ]


def _secret_version_body(context: Context) -> Properties:
    data = str(context.inputs.get("secretData") or context.inputs.get("secretDataWo") or "")
    encoded = data if context.inputs.get("isSecretDataBase64") else base64.b64encode(data.encode()).decode()
    return {"payload": {"data": encoded}}


def _secret_of_version(context: Context) -> str:
    _, number, rest = context.id.rpartition("/versions/")[0].split("/", 2)
    return f"projects/{context.cloud.project_id(number)}/{rest}"


def _switch_secret_version(context: Context) -> None:
    verb = "disable" if context.inputs.get("enabled") is False else "enable"
    context.call("POST", f"https://{_SECRETS}/{context.live['name']}:{verb}", {})


def _delete_secret_version(context: Context) -> None:
    verb = "disable" if context.inputs.get("deletionPolicy") == "DISABLE" else "destroy"
    context.call("POST", f"https://{_SECRETS}/{context.id}:{verb}", {})


def _read_secret_version(context: Context) -> Properties | None:
    version = context.call("GET", f"https://{_SECRETS}/{context.id}")
    return None if version["state"] == "DESTROYED" else version


def _images_and_secrets() -> Iterator[ResourceType]:
    yield ResourceType(
        pulumi_type="gcp:artifactregistry/repository:Repository",
        collection=f"{_ARTIFACTS}/repositories",
        key="repositoryId",
        id_parameter="repositoryId",
        not_sent=frozenset({"location"}),
        fields={"cleanupPolicies": Field("cleanupPolicies", encode=_policies_by_id, decode=_policies_as_list)},
        defaults={"mode": "STANDARD_REPOSITORY"},
        replace_on=frozenset({"location", "repositoryId", "format", "kmsKeyName", "mode", "remoteRepositoryConfig"}),
        update=patch_masked,
        outputs={"name": _short_name},
    )
    yield ResourceType(
        pulumi_type="gcp:secretmanager/secret:Secret",
        collection=f"{_SECRETS}/projects/{{project}}/secrets",
        key="secretId",
        id_parameter="secretId",
        autoname=AutoName(input="secretId"),
        not_sent=frozenset({"tags", "secretType"}),
        fields={"replication.auto": "automatic"},
        defaults={"deletionProtection": False},
        protected=False,
        replace_on=frozenset({"secretId", "replication", "tags"}),
        delete_before_replace=True,
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:secretmanager/secretVersion:SecretVersion",
        collection=f"{_SECRETS}/{{secret}}/versions",
        key=None,
        paths={"secret": "projects/x/secrets/x"},
        create_url=f"{_SECRETS}/{{secret}}:addVersion",
        self_url=f"{_SECRETS}/{{id}}",
        id="live.name",
        body=_secret_version_body,
        defaults={"enabled": True},
        replace_on=frozenset({"secret", "secretData", "isSecretDataBase64", "secretDataWoVersion"}),
        after_create=_switch_secret_version,
        reader=_read_secret_version,
        deleter=_delete_secret_version,
        tells={"secret": _secret_of_version},
        outputs={"version": _short_name, "enabled": lambda context: context.live["state"] == "ENABLED"},
        secret_outputs=frozenset({"secretData"}),
    )


# ------------------------------------------------------------------------------------------------------------ identity
def _patch_account(context: Context, body: Properties, differing: frozenset[str]) -> None:
    wanted = body.get("serviceAccount", {})
    before = {name: context.old.get(name) for name in ("displayName", "description")}
    mask = [name for name in before if not same(before[name], wanted.get(name))]
    context.call("PATCH", context.self_url, {"serviceAccount": wanted, "updateMask": ",".join(mask)})


def _enable_api(context: Context) -> None:
    context.call("POST", f"{context.self_url}:enable", {})


def _generate_identity(context: Context) -> None:
    context.live = context.call("POST", f"{context.self_url}:generateServiceIdentity", {})["response"]


def _disable_api(context: Context) -> None:
    if context.inputs.get("disableOnDestroy"):
        dependents = bool(context.inputs.get("disableDependentServices"))
        context.call("POST", f"{context.self_url}:disable", {"disableDependentServices": dependents})


def _read_pool(context: Context) -> Properties | None:
    pool = context.call("GET", context.self_url)
    return None if pool["state"] == "DELETED" else pool


def _identity() -> Iterator[ResourceType]:
    account = {name: Field(f"serviceAccount.{name}", read=name) for name in ("displayName", "description")}
    yield ResourceType(
        pulumi_type="gcp:serviceaccount/account:Account",
        collection=f"{_IAM}/serviceAccounts",
        key="accountId",
        self_url=f"{_IAM}/serviceAccounts/{{email}}",
        autoname=AutoName(input="accountId", max_length=30),
        not_sent=frozenset({"createIgnoreAlreadyExists", "disabled"}),
        fields=account,
        defaults={"disabled": False},
        replace_on=frozenset({"accountId"}),
        update=_patch_account,
        outputs={"member": lambda context: f"serviceAccount:{context.live['email']}"},
    )
    yield ResourceType(
        pulumi_type="gcp:projects/service:Service",
        collection="serviceusage.googleapis.com/v1/projects/{project}/services",
        key="service",
        id="{project}/{service}",
        replace_on=frozenset({"service"}),
        creator=_enable_api,
        deleter=_disable_api,
    )
    yield ResourceType(
        pulumi_type="gcp:projects/serviceIdentity:ServiceIdentity",
        collection="serviceusage.googleapis.com/v1beta1/projects/{project}/services",
        key="service",
        id="projects/{project}/services/{service}",
        replace_on=frozenset({"service"}),
        creator=_generate_identity,
        reader=lambda context: context.live or context.old,  # no API tells it again
        deleter=lambda _: None,
        outputs={"member": lambda context: f"serviceAccount:{context.live['email']}"},
    )
    pools = f"{_IAM}/locations/global/workloadIdentityPools"
    yield ResourceType(
        pulumi_type="gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
        collection=pools,
        key="workloadIdentityPoolId",
        id_parameter="workloadIdentityPoolId",
        replace_on=frozenset({"workloadIdentityPoolId"}),
        update=patch_masked,
        reader=_read_pool,
    )
    yield ResourceType(
        pulumi_type="gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        collection=f"{pools}/{{workloadIdentityPoolId}}/providers",
        key="workloadIdentityPoolProviderId",
        id_parameter="workloadIdentityPoolProviderId",
        not_sent=frozenset({"workloadIdentityPoolId"}),
        replace_on=frozenset({"workloadIdentityPoolId", "workloadIdentityPoolProviderId"}),
        update=patch_masked,
        reader=_read_pool,
    )


# ----------------------------------------------------------------------------------------------------------- Cloud SQL
def _address(context: Context, kind: str) -> str:
    return next((each["ipAddress"] for each in context.live["ipAddresses"] if each["type"] == kind), "")


def _instance_replaces(state: Properties, inputs: Properties) -> Iterator[str]:
    network = "settings.ipConfiguration.privateNetwork"
    if dig(state, network) and not dig(inputs, network):
        yield "settings"
    before, after = dig(state, "settings.diskSize"), dig(inputs, "settings.diskSize")
    if before and after and float(after) < float(before) and dig(inputs, "settings.diskAutoresize") is False:
        yield "settings"


def _user_url(context: Context) -> str:
    return f"{context.url(f'{_SQL}/instances/{{instance}}/users')}?name={quote(str(context.inputs['name']))}"


def _read_user(context: Context) -> Properties | None:
    users = context.call("GET", context.url(f"{_SQL}/instances/{{instance}}/users"))
    return next((user for user in users.get("items", []) if user["name"] == context.inputs["name"]), None)


def _update_user(context: Context, body: Properties, differing: frozenset[str]) -> None:
    context.call("PUT", _user_url(context), body)


def _delete_user(context: Context) -> None:
    context.call("DELETE", _user_url(context))


def _cloud_sql() -> Iterator[ResourceType]:
    settings = {
        "diskSize": "dataDiskSizeGb",
        "diskType": "dataDiskType",
        "diskAutoresize": "storageAutoResize",
        "diskAutoresizeLimit": "storageAutoResizeLimit",
    }
    fields: dict[str, FieldSpec] = {f"settings.{name}": member for name, member in settings.items()}
    yield ResourceType(
        pulumi_type="gcp:sql/databaseInstance:DatabaseInstance",
        collection=f"{_SQL}/instances",
        autoname=AutoName(max_length=98),
        id="{name}",
        fields={**fields, "encryptionKeyName": "diskEncryptionConfiguration.kmsKeyName"},
        not_sent=frozenset({"rootPasswordWo", "rootPasswordWoVersion"}),
        defaults={"deletionProtection": True},
        protected=True,
        replace_on=frozenset({"name", "region", "encryptionKeyName", "settings.collation"}),
        replaces=_instance_replaces,
        update=put,
        not_read=frozenset({"rootPassword"}),
        outputs={
            "firstIpAddress": lambda context: dig(context.live, "ipAddresses[0].ipAddress") or "",
            "privateIpAddress": lambda context: _address(context, "PRIVATE"),
            "publicIpAddress": lambda context: _address(context, "PRIMARY"),
            "serverCaCerts": lambda context: [context.live["serverCaCert"]],
        },
        secret_outputs=frozenset({"rootPassword", "serverCaCerts"}),
    )
    yield ResourceType(
        pulumi_type="gcp:sql/database:Database",
        collection=f"{_SQL}/instances/{{instance}}/databases",
        autoname=AutoName(),
        replace_on=frozenset({"name", "instance"}),
        update=patch_differing,
    )
    yield ResourceType(
        pulumi_type="gcp:sql/user:User",
        collection=f"{_SQL}/instances/{{instance}}/users",
        autoname=AutoName(),
        id=lambda context: f"{context.inputs['name']}/{context.inputs.get('host', '')}/{context.inputs['instance']}",
        not_sent=frozenset({"passwordWo", "passwordWoVersion"}),
        not_read=frozenset({"password"}),
        replace_on=frozenset({"name", "instance", "host", "type"}),
        update=_update_user,
        reader=_read_user,
        deleter=_delete_user,
        secret_outputs=frozenset({"password"}),
    )


# ----------------------------------------------------------------------------------------------------------- networks
def _compute(kind: str, collection: str, scope: str = "global", **more: Any) -> ResourceType:
    token = f"{kind[0].lower()}{kind[1:]}:{kind}"
    return ResourceType(
        pulumi_type=f"gcp:compute/{token}",
        collection=f"{_COMPUTE}/{scope}/{collection}",
        autoname=AutoName(max_length=63, lower=True),
        **more,
    )


def _subnetwork_replaces(state: Properties, inputs: Properties) -> Iterator[str]:
    import ipaddress

    before, after = state.get("ipCidrRange"), inputs.get("ipCidrRange")
    if not (isinstance(before, str) and isinstance(after, str)):
        return
    if not ipaddress.ip_network(before).subnet_of(ipaddress.ip_network(after)):  # type: ignore[arg-type]
        yield "ipCidrRange"


def _without_global(context: Context, method: str) -> str:
    """The methods that change a proxy have no `global` in their path."""
    return f"{context.self_url.replace('/global/', '/')}/{method}"


def _set_policy(context: Context) -> None:
    if context.inputs.get("securityPolicy"):
        context.call(
            "POST", f"{context.self_url}/setSecurityPolicy", {"securityPolicy": context.inputs["securityPolicy"]}
        )


def _change_policy(context: Context, body: Properties, differing: frozenset[str]) -> None:
    policy = body.get("securityPolicy")
    context.call("POST", f"{context.self_url}/setSecurityPolicy", {"securityPolicy": policy} if policy else {})


def _connection_name(context: Context) -> str:
    return f"{quote(str(context.inputs['network']), safe='')}:{context.inputs['service']}"


_CONNECTIONS = "servicenetworking.googleapis.com/v1/services/{service}/connections"


def _network_with_number(context: Context, network: Any) -> str:
    project, _, rest = str(network).rpartition("projects/")[2].partition("/")
    return f"projects/{context.cloud.project_number(project)}/{rest}"


def _connection_body(context: Context) -> Properties:
    network = _network_with_number(context, context.inputs["network"])
    return {"network": network, "reservedPeeringRanges": context.inputs["reservedPeeringRanges"]}


def _read_connection(context: Context) -> Properties | None:
    network = _network_with_number(context, context.inputs["network"])
    listed = context.call("GET", f"{context.url(_CONNECTIONS)}?network={network}")
    return next(iter(listed["connections"]), None)


def _update_connection(context: Context, body: Properties, differing: frozenset[str]) -> None:
    url = f"{context.url(_CONNECTIONS)}/-?updateMask=reservedPeeringRanges&force=true"
    context.call("PATCH", url, body)


def _delete_connection(context: Context) -> None:
    network = str(context.inputs["network"])
    if context.inputs.get("deletionPolicy") == "REMOVE_PEERING":
        path = network.rpartition("projects/")[2]
        url = f"https://compute.googleapis.com/compute/v1/projects/{path}/removePeering"
        context.call("POST", url, {"name": context.old.get("peering", "servicenetworking-googleapis-com")})
        return
    url = f"{context.url(_CONNECTIONS)}/servicenetworking-googleapis-com"
    context.call("POST", url, {"consumerNetwork": _network_with_number(context, network)})


def _networks() -> Iterator[ResourceType]:
    yield _compute(
        "Network",
        "networks",
        fields={"routingMode": "routingConfig.routingMode"},
        not_sent=frozenset({"deleteDefaultRoutesOnCreate", "deleteBgpAlwaysCompareMed"}),
        defaults={"autoCreateSubnetworks": True},
        replace_on=frozenset({"name", "autoCreateSubnetworks", "description", "internalIpv6Range", "networkProfile"}),
        update=patch_differing,
        outputs={"networkId": "id", "numericId": "id"},
    )
    yield _compute(
        "Subnetwork",
        "subnetworks",
        "regions/{region}",
        not_sent=frozenset({"region", "sendSecondaryIpRangeIfEmpty", "resolveSubnetMask"}),
        replace_on=frozenset({"name", "network", "region", "description", "purpose"}),
        replaces=_subnetwork_replaces,
        update=patch_differing,
        outputs={"subnetworkId": "id"},
    )
    yield _compute("GlobalAddress", "addresses", replace_on=EVERYTHING, keep_on=frozenset({"labels"}))
    yield ResourceType(
        pulumi_type="gcp:servicenetworking/connection:Connection",
        collection=_CONNECTIONS,
        key=None,
        self_url=f"{_CONNECTIONS}/-",
        id=_connection_name,
        body=_connection_body,
        not_read=frozenset({"network", "service"}),
        replace_on=frozenset({"network", "service"}),
        update=_update_connection,
        reader=_read_connection,
        deleter=_delete_connection,
    )
    yield ResourceType(
        pulumi_type="gcp:dns/recordSet:RecordSet",
        collection=f"{_DNS}/managedZones/{{managedZone}}/rrsets",
        self_url=f"{_DNS}/managedZones/{{managedZone}}/rrsets/{{name}}/{{type}}",
        id="projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}",
        not_sent=frozenset({"managedZone"}),
        replace_on=frozenset({"managedZone", "name", "type"}),
        update=patch_differing,
    )


def _load_balancers() -> Iterator[ResourceType]:
    yield _compute(
        "RegionNetworkEndpointGroup",
        "networkEndpointGroups",
        "regions/{region}",
        not_sent=frozenset({"region"}),
        defaults={"networkEndpointType": "SERVERLESS"},
        replace_on=EVERYTHING,
    )
    yield _compute(
        "BackendService",
        "backendServices",
        fields={
            "connectionDrainingTimeoutSec": "connectionDraining.drainingTimeoutSec",
            "healthChecks": Field("healthChecks", encode=lambda check: [check], decode=lambda checks: checks[0]),
        },
        defaults={"loadBalancingScheme": "EXTERNAL_MANAGED", "connectionDrainingTimeoutSec": 300},
        replace_on=frozenset({"name"}),
        after_create=_set_policy,
        update=in_turn(
            only_differing(["securityPolicy"], _change_policy),
            only_differing(["securityPolicy"], put, without=True),
        ),
        before_delete=lambda context: (
            _change_policy(context, {}, frozenset()) if context.inputs.get("securityPolicy") else None
        ),
        outputs={"generatedId": lambda context: int(context.live["id"])},
    )
    yield _compute(
        "URLMap",
        "urlMaps",
        replace_on=frozenset({"name"}),
        update=put,
        outputs={"mapId": lambda context: int(context.live["id"])},
    )
    immutable = frozenset({"name", "description", "httpKeepAliveTimeoutSec", "proxyBind"})
    yield _compute(
        "TargetHttpsProxy",
        "targetHttpsProxies",
        fields={"certificateManagerCertificates": "sslCertificates"},
        defaults={"quicOverride": "NONE"},
        replace_on=immutable | {"tlsEarlyData"},
        update=in_turn(
            set_one_by_one({"urlMap": "setUrlMap", "sslCertificates": "setSslCertificates"}, _without_global),
            set_one_by_one({"quicOverride": "setQuicOverride", "sslPolicy": "setSslPolicy"}),
        ),
        outputs={"proxyId": lambda context: int(context.live["id"])},
    )
    yield _compute(
        "TargetHttpProxy",
        "targetHttpProxies",
        replace_on=immutable,
        update=set_one_by_one({"urlMap": "setUrlMap"}, _without_global),
        outputs={"proxyId": lambda context: int(context.live["id"])},
    )
    yield _compute(
        "GlobalForwardingRule",
        "forwardingRules",
        defaults={"loadBalancingScheme": "EXTERNAL_MANAGED"},
        replace_on=EVERYTHING,
        keep_on=frozenset({"target", "labels", "loadBalancingScheme"}),
        update=set_one_by_one({"target": "setTarget", "labels": "setLabels"}),
        outputs={"forwardingRuleId": lambda context: int(context.live["id"])},
    )
    yield _compute(
        "ManagedSslCertificate",
        "sslCertificates",
        defaults={"type": "MANAGED"},
        replace_on=EVERYTHING,
        outputs={"certificateId": lambda context: int(context.live["id"])},
    )
    yield _compute("SecurityPolicy", "securityPolicies", replace_on=frozenset({"name", "type"}), update=patch_differing)
    yield _compute(
        "SSLPolicy",
        "sslPolicies",
        defaults={"minTlsVersion": "TLS_1_0", "profile": "COMPATIBLE"},
        replace_on=frozenset({"name", "description"}),
        update=patch_differing,
    )


# ------------------------------------------------------------------------------------------------------------ watching
_SENSITIVE = {"authToken": "auth_token", "password": "password", "serviceKey": "service_key"}


def _sensitive_labels(labels: Any) -> Properties:
    return {_SENSITIVE[name]: value for name, value in labels.items() if name in _SENSITIVE and value is not None}


def _dashboard_body(context: Context) -> Properties:
    text = str(context.inputs["dashboardJson"])
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError(f"dashboardJson: an object is needed, not {text[:40]!r}")
    return {name: value for name, value in body.items() if name not in ("name", "etag")}


def _dashboard_text(context: Context) -> str:
    return json.dumps({name: value for name, value in context.live.items() if name not in ("name", "etag")})


def _patch_dashboard(context: Context, body: Properties, differing: frozenset[str]) -> None:
    context.call("PATCH", context.self_url, {**body, "etag": context.call("GET", context.self_url)["etag"]})


def _delete_channel(context: Context) -> None:
    force = "?force=true" if context.inputs.get("forceDelete") else ""
    context.call("DELETE", f"{context.self_url}{force}")


def _days(days: Any) -> str:
    return f"{int(float(days) * 86400)}s"


def _named_by_server(token: str, collection: str, **more: Any) -> ResourceType:
    """A type whose name, which is its ID too, the API makes up."""
    home = collection.split("/projects/")[0]
    return ResourceType(
        pulumi_type=token,
        collection=collection,
        key=None,
        self_url=f"{home}/{{id}}",
        id="live.name",
        **more,
    )


def _watching() -> Iterator[ResourceType]:
    projects = f"{_MONITORING}/projects/{{project}}"
    yield _named_by_server(
        "gcp:monitoring/alertPolicy:AlertPolicy",
        f"{projects}/alertPolicies",
        defaults={"enabled": True},
        update=patch_masked,
    )
    yield _named_by_server(
        "gcp:monitoring/notificationChannel:NotificationChannel",
        f"{projects}/notificationChannels",
        fields={"sensitiveLabels": Field("labels", encode=_sensitive_labels)},
        not_sent=frozenset({"forceDelete"}),
        not_read=frozenset({"labels", "sensitiveLabels"}),
        defaults={"enabled": True, "forceDelete": False},
        update=patch_masked,
        deleter=_delete_channel,
        secret_outputs=frozenset({"sensitiveLabels"}),
    )
    yield _named_by_server(
        "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig",
        f"{projects}/uptimeCheckConfigs",
        defaults={"period": "300s"},
        replace_on=frozenset(
            {"monitoredResource", "resourceGroup", "checkerType", "syntheticMonitor", "httpCheck.requestMethod"}
        ),
        update=patch_masked,
        outputs={"uptimeCheckId": _short_name},
    )
    yield _named_by_server(
        "gcp:monitoring/dashboard:Dashboard",
        "monitoring.googleapis.com/v1/projects/{project}/dashboards",
        body=_dashboard_body,
        fields={"dashboardJson": None},
        tells={"dashboardJson": _dashboard_text},
        update=_patch_dashboard,
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/genericService:GenericService",
        collection=f"{projects}/services",
        key="serviceId",
        id_parameter="serviceId",
        replace_on=frozenset({"serviceId", "basicService"}),
        update=patch_masked,
        outputs={"telemetries": lambda context: [context.live["telemetry"]] if "telemetry" in context.live else []},
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/customService:CustomService",
        collection=f"{projects}/services",
        key="serviceId",
        id_parameter="serviceId",
        autoname=AutoName(input="serviceId", max_length=63),
        added={"custom": {}},
        replace_on=frozenset({"serviceId"}),
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:monitoring/slo:Slo",
        collection=f"{projects}/services/{{service}}/serviceLevelObjectives",
        key="sloId",
        id_parameter="serviceLevelObjectiveId",
        autoname=AutoName(input="sloId", max_length=63),
        not_sent=frozenset({"service"}),
        fields={
            "basicSli": "serviceLevelIndicator.basicSli",
            "basicSli.availability": Field("availability", encode=lambda _: {}, decode=lambda _: {"enabled": True}),
            "requestBasedSli": "serviceLevelIndicator.requestBased",
            "windowsBasedSli": "serviceLevelIndicator.windowsBased",
            "rollingPeriodDays": Field("rollingPeriod", encode=_days, decode=lambda text: int(text[:-1]) // 86400),
        },
        replace_on=frozenset({"service", "sloId"}),
        update=patch_masked,
    )
    yield ResourceType(
        pulumi_type="gcp:logging/metric:Metric",
        collection=f"{_LOGGING}/metrics",
        autoname=AutoName(max_length=100),
        id="{name}",
        update=put,
    )


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    row.pulumi_type: row
    for rows in (
        _cloud_run(),
        _policies(),
        _images_and_secrets(),
        _identity(),
        _cloud_sql(),
        _networks(),
        _load_balancers(),
        _watching(),
    )
    for row in rows
}
