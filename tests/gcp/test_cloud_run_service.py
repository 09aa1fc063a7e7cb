from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi_fastapi import CloudRunFastAPIService, CloudRunFastAPIServiceArgs, ConnectionPool, FastAPIApp, Timeouts
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.gcp import CloudSqlDatabase, CloudSqlDatabaseArgs, ExistingVpcNetwork, VpcNetwork
from pulumi_fastapi.plan import Plan, PlanError, Secret
from run_reading import IMAGE, SERVICE, container_of, planned, planned_service, service_of, variables_of


@pytest.fixture(autouse=True)
def _away_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build contexts are staged below the working directory."""
    monkeypatch.chdir(tmp_path)


def types(result: Plan) -> set[str]:
    return {each.type for each in result.resources}


# The service


def test_ten_lines_are_a_whole_service() -> None:
    result = planned_service(app=FastAPIApp(), preview=True)
    expected = {
        "gcp:artifactregistry/repository:Repository": 2,
        "docker-build:index:Image": 1,
        "gcp:serviceaccount/account:Account": 1,
        SERVICE: 1,
    }
    assert {kind: sum(each.type == kind for each in result.resources) for kind in expected} == expected


def test_what_the_service_is_like_without_a_word() -> None:
    made = service_of(planned_service())
    assert (made["name"], made["project"], made["location"]) == ("api", "shop-1", "europe-west1")
    assert made["ingress"] == "INGRESS_TRAFFIC_ALL"
    assert made["invokerIamDisabled"] is True
    assert made["deletionProtection"] is True
    assert made["scaling"] == {"minInstanceCount": 0, "maxInstanceCount": 10}
    assert made["traffics"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    template = made["template"]
    assert template["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2"
    assert template["maxInstanceRequestConcurrency"] == 40
    assert template["timeout"] == "35s"


def test_cpu_is_billed_by_request_and_that_is_said() -> None:
    """With limits and without a word about it, Cloud Run would bill by the hour."""
    resources = container_of(planned_service())["resources"]
    assert resources == {"cpuIdle": True, "startupCpuBoost": True, "limits": {"cpu": "1", "memory": "512Mi"}}


def test_the_image_is_deployed_by_digest_for_the_one_architecture_that_cloud_run_has() -> None:
    result = planned_service(app=FastAPIApp())
    assert container_of(result)["image"].endswith("@" + result.find("docker-build:index:Image").outputs["digest"])
    assert result.find("docker-build:index:Image").inputs["platforms"] == ["linux/amd64"]


def test_a_revision_gets_traffic_only_when_it_is_ready() -> None:
    """Case A01: a TCP check, the default, passes as soon as the port is open, with the app still importing."""
    probe = container_of(planned_service())["startupProbe"]
    assert probe["httpGet"] == {"path": "/-/ready", "port": 8000}
    assert "tcpSocket" not in probe
    assert probe["failureThreshold"] * probe["periodSeconds"] == 60


def test_a_dead_instance_is_replaced_and_one_that_drains_gets_no_requests() -> None:
    container = container_of(planned_service())
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"


def test_an_app_that_starts_too_slowly_for_cloud_run_is_refused_with_the_number() -> None:
    """Case A01: the probe waits 240 s before its first check and 240 s with it."""
    with pytest.raises(ArgumentError, match=r"app.timeouts.startup: must be at most 480 on Cloud Run.* got 500"):
        CloudRunFastAPIServiceArgs(app=FastAPIApp(image=IMAGE, timeouts=Timeouts(startup=500)))


def test_the_port_is_the_containers_and_not_a_variable() -> None:
    result = planned_service(app=FastAPIApp(image=IMAGE, port=9000))
    assert container_of(result)["ports"] == {"name": "http1", "containerPort": 9000}
    assert "PORT" not in variables_of(result)


def test_the_runtime_is_told_its_timeouts_and_workers() -> None:
    variables = variables_of(planned_service(cpu=2, memory=1024))
    assert variables["WEB_CONCURRENCY"] == "2"
    assert int(variables["DRAIN_SECONDS"]) + int(variables["GRACEFUL_SECONDS"]) < 10


def test_a_command_replaces_that_of_the_image() -> None:
    result = planned_service(app=FastAPIApp(image=IMAGE, command=["uvicorn", "main:app"]))
    assert container_of(result)["args"] == ["uvicorn", "main:app"]


def test_a_share_of_a_cpu_is_what_cloud_run_allows_with_it() -> None:
    made = service_of(planned_service(cpu=0.5, memory=512))
    assert made["template"]["maxInstanceRequestConcurrency"] == 1
    assert made["template"]["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN1"
    assert made["template"]["containers"][0]["resources"]["limits"]["cpu"] == "500m"


def test_labels_are_on_the_service_and_on_what_it_stores() -> None:
    result = planned_service(app=FastAPIApp(secrets={"KEY": "v" * 8}), labels={"team": "shop"})
    labelled = (SERVICE, "gcp:secretmanager/secret:Secret", "gcp:artifactregistry/repository:Repository")
    for resource in result.resources:
        if resource.type in labelled:
            assert resource.inputs["labels"] == {"team": "shop"}, resource


def test_an_internal_service_is_not_reached_from_the_internet() -> None:
    result = planned_service(internal=True)
    assert service_of(result)["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    assert "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig" not in types(result)


def test_with_a_domain_the_load_balancer_is_the_only_way_in() -> None:
    result = planned_service(domain="api.example.com", requests_per_minute=600)
    made = service_of(result)
    assert made["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert made["defaultUriDisabled"] is True
    assert result.find(CloudRunFastAPIService).outputs["url"] == "https://api.example.com"
    assert "gcp:compute/securityPolicy:SecurityPolicy" in types(result)


def test_the_client_is_found_behind_the_load_balancers_own_address() -> None:
    assert variables_of(planned_service(domain="api.example.com"))["FORWARDED_HOPS"] == "2"
    assert "FORWARDED_HOPS" not in variables_of(planned_service())


# Names


@pytest.mark.parametrize("name", ["api", "My Shop's API", "x" * 200, "API", "9lives", "shop_eu"])
def test_a_services_name_leaves_room_for_the_candidates_tag(name: str) -> None:
    """Tag and name are one DNS label together, of at most 46 characters."""
    import re

    made = service_of(planned_service(name))["name"]
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(f"candidate{made}") <= 46


def test_two_names_that_differ_in_case_only_are_two_services() -> None:
    assert service_of(planned_service("Api"))["name"] != service_of(planned_service("api"))["name"]


def test_the_revision_is_named_after_the_service_and_its_content() -> None:
    first = service_of(planned_service())["template"]["revision"]
    assert first.startswith("api-")
    assert first == service_of(planned_service())["template"]["revision"]


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 1024},
        {"concurrency": 10},
        {"redeploy": "once more"},
        {"app": FastAPIApp(image=IMAGE.replace("a" * 64, "b" * 64))},
        {"app": FastAPIApp(image=IMAGE, environment={"LOG_LEVEL": "DEBUG"})},
        {"secret_versions": {"KEY": "projects/shop-1/secrets/key/versions/2"}},
    ],
)
def test_whatever_changes_in_a_revision_changes_its_name(change: dict[str, Any]) -> None:
    """Cloud Run refuses other content under the same name, and the name tells whether it has made the revision."""
    before = planned_service(secret_versions={"KEY": "projects/shop-1/secrets/key/versions/1"})
    after = planned_service(**({"secret_versions": {"KEY": "projects/shop-1/secrets/key/versions/1"}} | change))
    assert service_of(before)["template"]["revision"] != service_of(after)["template"]["revision"]


@pytest.mark.parametrize("change", [{"instances_max": 3}, {"internal": True}, {"access": "IAM"}])
def test_what_is_not_in_a_revision_does_not_change_its_name(change: dict[str, Any]) -> None:
    revisions = [
        service_of(result)["template"]["revision"] for result in (planned_service(), planned_service(**change))
    ]
    assert revisions[0] == revisions[1]


def test_a_preview_shows_everything_but_what_only_a_build_knows() -> None:
    template = service_of(planned_service(app=FastAPIApp(), preview=True))["template"]
    assert template["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert template["timeout"] == "35s"


# Accounts, secrets, grants


def test_the_app_runs_as_an_account_of_its_own_without_a_single_role_in_the_project() -> None:
    result = planned_service()
    account = result.find("gcp:serviceaccount/account:Account")
    assert service_of(result)["template"]["serviceAccount"] == account.outputs["email"]
    assert "gcp:projects/iAMMember:IAMMember" not in types(result)


def test_a_secret_is_read_by_version_from_secret_manager_and_never_shown() -> None:
    result = planned_service(app=FastAPIApp(image=IMAGE, secrets={"STRIPE_KEY": "sk_live_1234"}))
    version = result.find("gcp:secretmanager/secretVersion:SecretVersion")
    assert isinstance(version.inputs["secretData"], Secret)
    assert variables_of(result)["STRIPE_KEY"]["version"] == version.outputs["version"] == "1"
    shown = [str(each.inputs) for each in result.resources if each is not version]
    assert not [text for text in shown if "sk_live_1234" in text]


def test_the_version_before_stays_for_the_revision_before() -> None:
    result = planned_service(app=FastAPIApp(image=IMAGE, secrets={"KEY": "value-1"}))
    assert result.find("gcp:secretmanager/secretVersion:SecretVersion").options.retain_on_delete is True


def test_each_secret_is_granted_alone_and_before_the_service() -> None:
    result = planned_service(app=FastAPIApp(image=IMAGE, secrets={"A_KEY": "value-1", "a_key": "value-2"}))
    grants = [each for each in result.resources if each.type == "gcp:secretmanager/secretIamMember:SecretIamMember"]
    assert len({grant.inputs["secretId"] for grant in grants}) == 2
    assert {grant.inputs["role"] for grant in grants} == {"roles/secretmanager.secretAccessor"}
    assert set(grants) <= set(result.find(SERVICE).dependencies)


def test_an_existing_secret_is_read_by_its_version_and_granted() -> None:
    result = planned_service(secret_versions={"KEY": "projects/vault/secrets/key/versions/7"})
    assert variables_of(result)["KEY"] == {"secret": "projects/vault/secrets/key", "version": "7"}
    (grant,) = [each for each in result.resources if each.type.endswith("SecretIamMember")]
    assert (grant.inputs["project"], grant.inputs["secretId"]) == ("vault", "key")


def test_only_who_is_named_may_call_with_iam() -> None:
    result = planned_service(access="IAM", members=["serviceAccount:job@shop-1.iam.gserviceaccount.com"])
    assert service_of(result)["invokerIamDisabled"] is False
    member = result.find("gcp:cloudrunv2/serviceIamMember:ServiceIamMember").inputs
    assert (member["name"], member["role"]) == ("api", "roles/run.invoker")
    assert member["member"] == "serviceAccount:job@shop-1.iam.gserviceaccount.com"


def test_identity_aware_proxy_may_call_and_lets_in_who_is_named() -> None:
    result = planned_service(access="IAP", members=["group:team@example.com"])
    assert service_of(result)["iapEnabled"] is True
    assert service_of(result)["invokerIamDisabled"] is False
    invoker = result.find("gcp:cloudrunv2/serviceIamMember:ServiceIamMember").inputs["member"]
    assert invoker == "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
    user = result.find("gcp:iap/webCloudRunServiceIamMember:WebCloudRunServiceIamMember").inputs
    assert (user["member"], user["role"]) == ("group:team@example.com", "roles/iap.httpsResourceAccessor")


# APIs


def test_the_apis_are_enabled_before_what_needs_them_and_stay_enabled() -> None:
    result = planned_service()
    enabled = [each for each in result.resources if each.type == "gcp:projects/service:Service"]
    assert {each.inputs["disableOnDestroy"] for each in enabled} == {False}
    assert "run.googleapis.com" in {each.inputs["service"] for each in enabled}
    for kind in (SERVICE, "gcp:serviceaccount/account:Account"):
        assert set(enabled) <= set(result.find(kind).dependencies)


def test_a_network_and_a_database_wait_for_their_apis_too() -> None:
    def program() -> None:
        CloudSqlDatabase("db", CloudSqlDatabaseArgs(network=VpcNetwork("net")))

    result = planned(program)
    for kind, api in (
        ("gcp:compute/network:Network", "compute.googleapis.com"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "sqladmin.googleapis.com"),
    ):
        assert api in {each.inputs.get("service") for each in result.find(kind).dependencies}


def test_where_the_deployer_may_not_enable_apis_they_are_named() -> None:
    result = planned_service(enable_apis=False, app=FastAPIApp())
    assert "gcp:projects/service:Service" not in types(result)
    assert "artifactregistry.googleapis.com" in result.find(CloudRunFastAPIService).outputs["apis"]


# Database


def with_database(args: dict[str, Any] | None = None, **service: Any) -> Plan:
    def program() -> None:
        database = CloudSqlDatabase("db", CloudSqlDatabaseArgs(**(args or {})))
        app = service.pop("app", FastAPIApp(image=IMAGE))
        CloudRunFastAPIService(
            "api", CloudRunFastAPIServiceArgs(app=app, database=database, **({"instances_max": 1} | service))
        )

    return planned(program)


def test_the_database_is_reached_by_its_socket() -> None:
    result = with_database()
    (volume,) = service_of(result)["template"]["volumes"]
    (instance,) = volume["cloudSqlInstance"]["instances"]
    assert variables_of(result)["DATABASE_HOST"] == f"/cloudsql/{instance}"
    assert container_of(result)["volumeMounts"] == [{"name": "cloudsql", "mountPath": "/cloudsql"}]


def test_its_password_is_a_version_of_a_secret() -> None:
    assert set(variables_of(with_database())["DATABASE_PASSWORD"]) == {"secret", "version"}


def test_the_connections_of_two_revisions_side_by_side_are_counted() -> None:
    """25 connections of a db-f1-micro, 10 of them not for apps: 2 revisions x 1 instance x 5."""
    budget = with_database().find(CloudRunFastAPIService).outputs["connectionBudget"]
    assert (budget["available"], budget["used"]) == (15, 10)


def test_more_instances_than_the_database_holds_are_refused_with_ways_out() -> None:
    with pytest.raises(ArgumentError, match=r"10 instances x 2 during a deploy x 1 worker x \(5 \+ 0\) = 100"):
        with_database(instances_max=10)


def test_a_smaller_pool_fits() -> None:
    result = with_database(app=FastAPIApp(image=IMAGE, pool=ConnectionPool(size=1)), instances_max=7)
    assert variables_of(result)["DATABASE_POOL_SIZE"] == "1"


def test_a_private_database_is_reached_through_its_network() -> None:
    def program() -> None:
        network = VpcNetwork("net")
        database = CloudSqlDatabase("db", CloudSqlDatabaseArgs(network=network))
        CloudRunFastAPIService(
            "api",
            CloudRunFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), database=database, instances_max=1),
        )

    result = planned(program)
    template = service_of(result)["template"]
    assert template["vpcAccess"]["egress"] == "PRIVATE_RANGES_ONLY"
    assert (
        template["vpcAccess"]["networkInterfaces"][0]["network"]
        == result.find("gcp:compute/network:Network").outputs["id"]
    )
    assert "volumes" not in template
    assert variables_of(result)["DATABASE_HOST"] == "10.1.0.3"
    assert "BEGIN CERTIFICATE" in variables_of(result)["DATABASE_SERVER_CA"]


def test_another_network_can_be_reached_without_a_database() -> None:
    network = ExistingVpcNetwork(
        network_id="projects/p/global/networks/n", subnetwork_id="projects/p/regions/r/subnetworks/s"
    )
    access = service_of(planned_service(network=network))["template"]["vpcAccess"]
    assert access["networkInterfaces"] == [
        {"network": "projects/p/global/networks/n", "subnetwork": "projects/p/regions/r/subnetworks/s"}
    ]


# Migrations


def test_a_migration_of_the_new_image_ends_well_before_the_service_gets_it() -> None:
    result = planned_service(migrate=["alembic", "upgrade", "head"])
    job = result.find("gcp:cloudrunv2/job:Job")
    task = job.inputs["template"]["template"]
    assert task["containers"][0]["args"] == ["alembic", "upgrade", "head"]
    assert task["containers"][0]["image"] == container_of(result)["image"]
    assert task["maxRetries"] == 0
    assert job in result.find(SERVICE).property_dependencies["template"]


def test_another_image_is_another_migration_and_the_same_one_is_none() -> None:
    def token(app: FastAPIApp, **args: Any) -> str:
        result = planned_service(app=app, migrate=["alembic", "upgrade", "head"], **args)
        return str(result.find("gcp:cloudrunv2/job:Job").inputs["runExecutionToken"])

    first, other = FastAPIApp(image=IMAGE), FastAPIApp(image=IMAGE.replace("a" * 64, "b" * 64))
    assert token(first) == token(first)
    assert len({token(first), token(other), token(first, redeploy="again")}) == 3


def test_the_name_of_an_execution_fits() -> None:
    job = planned_service("x" * 100, migrate=["true"]).find("gcp:cloudrunv2/job:Job").inputs
    assert len(job["name"] + job["runExecutionToken"]) < 62


def test_a_job_of_a_small_service_is_as_large_as_jobs_are() -> None:
    job = planned_service(cpu=0.5, memory=256, migrate=["true"]).find("gcp:cloudrunv2/job:Job")
    limits = job.inputs["template"]["template"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "1", "memory": "512Mi"}


# Watching


def test_alerts_dashboard_and_uptime_check_are_there_without_a_word() -> None:
    made = types(planned_service())
    assert {
        "gcp:monitoring/alertPolicy:AlertPolicy",
        "gcp:monitoring/dashboard:Dashboard",
        "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig",
    } <= made
    assert "gcp:monitoring/slo:Slo" not in made


def test_addresses_and_channels_are_told() -> None:
    channel = "projects/shop-1/notificationChannels/1"
    result = planned_service(alert_emails=["ops@example.com"], alert_channel_ids=[channel])
    for each in result.resources:
        if each.type == "gcp:monitoring/alertPolicy:AlertPolicy":
            assert len(each.inputs["notificationChannels"]) == 2
            assert channel in each.inputs["notificationChannels"]


def test_objectives_are_a_choice() -> None:
    result = planned_service(slo_availability=0.995)
    assert [each.inputs["goal"] for each in result.resources if each.type == "gcp:monitoring/slo:Slo"] == [0.995, 0.95]


def test_a_service_that_asks_for_a_login_has_no_uptime_check_without_one() -> None:
    assert "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig" not in types(planned_service(access="IAM"))


# Bad input


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"cpu": 3}, "cpu: must be below 1 or one of 1, 2, 4, 6, 8 vCPU"),
        ({"cpu": 4, "memory": 1024}, "memory: must be 2048 to 16384 MiB with cpu=4; nearest is 2048, got 1024"),
        ({"cpu": 0.5, "concurrency": 10}, "concurrency: must be 1 below one vCPU"),
        ({"cpu": 0.5, "cpu_idle": False}, "cpu_idle: needs cpu=1 or more"),
        ({"concurrency": 1001}, "concurrency: must be between 1 and 1000"),
        ({"instances_min": 5, "instances_max": 2}, "instances_min: must be between 0 and 2, got 5"),
        ({"instances_max": 0}, "instances_max: must be between 1 and 1000"),
        ({"access": "IAM", "members": ["allUsers"]}, "members: is everyone; use access='PUBLIC'"),
        ({"access": "IAM", "members": ["job@example.com"]}, "members: must be such as user:ann@example.com"),
        ({"members": ["user:ann@example.com"]}, "members: is of use only with access IAM or IAP"),
        ({"migrate": []}, "migrate: must be a command and its arguments"),
        ({"secret_versions": {"KEY": "projects/p/secrets/s/versions/latest"}}, "not latest"),
        ({"secret_versions": {"PORT": "projects/p/secrets/s/versions/1"}}, "is set by Cloud Run itself"),
        ({"dns_zone": "example"}, "dns_zone: is of use only with a domain"),
        ({"domain": "api.example.com", "internal": True}, "internal: and a domain"),
        ({"domain": "*.example.com"}, "domain: must be a DNS name"),
        ({"labels": {"Team": "x"}}, "labels: must be up to 63 lower case letters"),
        ({"labels": {"team": "Shop"}}, "labels['team']: must be up to 63 lower case letters"),
        ({"slo_availability": 1.0}, "slo_availability: must be between 0.94 and 0.9999"),
        ({"keep_images": 1}, "keep_images: must be between 5 and 1000"),
        ({"access": "OPEN"}, "access: must be one of PUBLIC, IAM, IAP"),
        ({"alert_emails": ["ops"]}, "alert_emails: must be an e-mail address"),
    ],
)
def test_a_wrong_argument_is_named_with_what_to_do(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        CloudRunFastAPIServiceArgs(app=FastAPIApp(image=IMAGE), **args)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("app", "message"),
    [
        ({"environment": {"K_SERVICE": "x"}}, "app.environment['K_SERVICE']: is set by Cloud Run itself"),
        (
            {"secret_arns": {"KEY": "arn:aws:secretsmanager:us-east-1:1:secret:x"}},
            "app.secret_arns: are secrets of AWS; use secret_versions",
        ),
        ({"environment": {"MAX_BODY_BYTES": 33554433}}, "must be 33554432 or less, as Cloud Run itself refuses more"),
    ],
)
def test_an_app_that_cannot_run_there_is_refused(app: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        CloudRunFastAPIServiceArgs(app=FastAPIApp(image=IMAGE, **app))
    assert message in str(error.value)


@pytest.mark.parametrize("missing", ["project", "region"])
def test_a_place_that_nobody_named_is_asked_for(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GOOGLE_REGION", "GCLOUD_REGION"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises((ArgumentError, PlanError), match=f"run: pulumi config set gcp:{missing}"):
        planned_service(config={f"gcp:{missing}": ""})


def test_a_place_can_be_an_argument() -> None:
    made = service_of(planned_service(project="other-1", location="us-central1", config={"gcp:project": ""}))
    assert (made["project"], made["location"]) == ("other-1", "us-central1")


# Any arguments


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from([(0.08, 128), (0.5, 1024), (1, 256), (1, 4096), (2, 512), (4, 2048), (8, 32768)]),
    instances=st.tuples(st.integers(0, 5), st.integers(5, 1000)),
    access=st.sampled_from(["PUBLIC", "IAM", "IAP"]),
    internal=st.booleans(),
    startup=st.integers(1, 480),
    request=st.integers(4, 3595),
    streaming=st.booleans(),
    migrate=st.sampled_from([None, ["true"]]),
)
def test_any_arguments_that_are_accepted_make_a_service_within_googles_limits(
    size: tuple[float, int],
    instances: tuple[int, int],
    access: str,
    internal: bool,
    startup: int,
    request: int,
    streaming: bool,
    migrate: list[str] | None,
) -> None:
    timeouts = Timeouts(startup=startup, request=request, streaming=streaming)
    result = planned_service(
        app=FastAPIApp(image=IMAGE, timeouts=timeouts),
        cpu=size[0],
        memory=size[1],
        instances_min=instances[0],
        instances_max=instances[1],
        access=access,
        internal=internal,
        migrate=migrate,
    )
    made, container = service_of(result), container_of(result)
    template = made["template"]
    assert sum(each["percent"] for each in made["traffics"]) == 100
    assert 1 <= int(template["timeout"].removesuffix("s")) <= 3600
    assert len(template["revision"]) <= 63
    assert template["revision"].startswith(f"{made['name']}-")
    for name, longest in (("startupProbe", 240), ("livenessProbe", 3600), ("readinessProbe", 3600)):
        probe = container[name]
        assert probe["timeoutSeconds"] <= probe["periodSeconds"] <= longest
        assert probe.get("initialDelaySeconds", 0) <= longest
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] <= 240
    if size[0] < 1:
        assert template["maxInstanceRequestConcurrency"] == 1
    if template["executionEnvironment"].endswith("GEN2"):
        assert size[0] >= 1
        assert size[1] >= 512


def test_exported_outputs_are_known_after_a_deployment() -> None:
    def program() -> None:
        made = CloudRunFastAPIService("api", CloudRunFastAPIServiceArgs(app=FastAPIApp(image=IMAGE)))
        for output in ("url", "revision", "service_name", "service_account_email", "image"):
            pulumi.export(output, getattr(made, output))

    outputs = planned(program).outputs
    assert outputs["url"].startswith("https://api-")
    assert outputs["service_name"] == "api"
    assert outputs["image"] == IMAGE
