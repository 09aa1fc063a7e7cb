"""The emulated AWS on the real engine, with raw `pulumi_aws` resources: each behaviour a program counts on."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_docker_build as docker_build
import pytest
from pulumi_fastapi.emulated_cloud import Deployment, DeploymentError, EmulatedCloud
from pulumi_fastapi.planned import Secret

pytestmark = pytest.mark.engine

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def allow(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def steps(deployment: Deployment) -> dict[str, list[str]]:
    """Logical name -> what the engine did to it, in order."""
    done: dict[str, list[str]] = {}
    for kind, urn in deployment.operations:
        if kind not in ("same", "read", "refresh") and "pulumi:pulumi:Stack" not in urn:
            done.setdefault(urn.rsplit("::", 1)[1], []).append(kind)
    return done


def state_of(cloud: EmulatedCloud) -> str:
    """The engine's state file."""
    files = list((cloud.folder / "state" / ".pulumi" / "stacks").rglob("test.json"))
    assert len(files) == 1
    return files[0].read_text()


def recorded(cloud: EmulatedCloud, name: str) -> dict[str, Any]:
    """What the engine's state says about the resource of that logical name."""
    resources = json.loads(state_of(cloud))["checkpoint"]["latest"]["resources"]
    (found,) = [resource for resource in resources if resource["urn"].endswith(f"::{name}")]
    return found


# ------------------------------------------------------------------------------------------------------------ programs
def network(tags: dict[str, str] | None = None) -> tuple[aws.ec2.Vpc, list[aws.ec2.Subnet]]:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, tags=tags)
    subnets = [
        aws.ec2.Subnet(
            f"subnet-{zone}",
            vpc_id=vpc.id,
            cidr_block=f"10.0.{index}.0/24",
            availability_zone=f"us-east-1{zone}",
            map_public_ip_on_launch=True,
        )
        for index, zone in enumerate("ab")
    ]
    return vpc, subnets


def service_program(
    *,
    image: str = "busybox:1",
    desired: int = 2,
    health_path: str = "/ready",
    port: int = 8000,
    retention: int = 30,
    wait: bool = True,
) -> Callable[[], None]:
    """A load-balanced service on Fargate with all that is usually around it."""

    def program() -> None:
        tags = {"app": "shop"}
        vpc, subnets = network(tags)
        gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
        table = aws.ec2.RouteTable(
            "table", vpc_id=vpc.id, routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}]
        )
        for index, subnet in enumerate(subnets):
            aws.ec2.RouteTableAssociation(f"association-{index}", subnet_id=subnet.id, route_table_id=table.id)
        firewall = aws.ec2.SecurityGroup(
            "firewall",
            vpc_id=vpc.id,
            ingress=[{"protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_blocks": ["0.0.0.0/0"]}],
            egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
        )
        inside = aws.ec2.SecurityGroup("inside", vpc_id=vpc.id, description="tasks")
        aws.vpc.SecurityGroupIngressRule(
            "from-balancer",
            security_group_id=inside.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=firewall.id,
            tags=tags,
        )
        balancer = aws.lb.LoadBalancer(
            "balancer",
            subnets=[subnet.id for subnet in subnets],
            security_groups=[firewall.id],
            idle_timeout=60,
            tags=tags,
            opts=pulumi.ResourceOptions(depends_on=[gateway]),
        )
        targets = aws.lb.TargetGroup(
            "targets",
            vpc_id=vpc.id,
            port=port,
            protocol="HTTP",
            target_type="ip",
            deregistration_delay=30,
            health_check={"path": health_path, "interval": 15, "timeout": 5, "matcher": "200"},
        )
        listener = aws.lb.Listener(
            "listener",
            load_balancer_arn=balancer.arn,
            port=80,
            protocol="HTTP",
            default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
        )
        logs = aws.cloudwatch.LogGroup("logs", retention_in_days=retention, tags=tags)
        role = aws.iam.Role("role", assume_role_policy=TRUST)
        aws.iam.RolePolicy("policy", role=role.id, policy=allow("s3:GetObject"))
        cluster = aws.ecs.Cluster("cluster")
        task = aws.ecs.TaskDefinition(
            "task",
            family="shop",
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu="256",
            memory="512",
            execution_role_arn=role.arn,
            container_definitions=pulumi.Output.json_dumps(
                [
                    {
                        "name": "app",
                        "image": image,
                        "portMappings": [{"containerPort": port}],
                        "logConfiguration": {
                            "logDriver": "awslogs",
                            "options": {"awslogs-group": logs.name, "awslogs-region": "us-east-1"},
                        },
                    }
                ]
            ),
        )
        service = aws.ecs.Service(
            "service",
            cluster=cluster.arn,
            task_definition=task.arn,
            desired_count=desired,
            launch_type="FARGATE",
            network_configuration={"subnets": [subnet.id for subnet in subnets], "security_groups": [inside.id]},
            load_balancers=[{"target_group_arn": targets.arn, "container_name": "app", "container_port": port}],
            deployment_circuit_breaker={"enable": True, "rollback": True},
            wait_for_steady_state=wait,
            opts=pulumi.ResourceOptions(depends_on=[listener]),
        )
        aws.cloudwatch.MetricAlarm(
            "alarm",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            metric_name="CPUUtilization",
            namespace="AWS/ECS",
            period=60,
            statistic="Average",
            threshold=80,
            dimensions={"ServiceName": service.name},
        )
        for name, value in {
            "table": table.id,
            "firewall": firewall.id,
            "cluster": cluster.arn,
            "service": service.id,
            "targets": targets.arn,
            "logs": logs.name,
            "role": role.name,
            "task": task.arn,
            "running": service.task_definition,
        }.items():
            pulumi.export(name, value)

    return program


def running_task(cloud: EmulatedCloud, deployment: Deployment) -> str:
    answer = cloud.client("ecs").describe_services(
        cluster=deployment.outputs["cluster"], services=[deployment.outputs["service"]]
    )
    return answer["services"][0]["taskDefinition"]


# ------------------------------------------------------------------------------------------------------------- preview
def test_preview_shows_what_would_be_made_and_makes_nothing(emulated_cloud):
    preview = emulated_cloud.preview(service_program())

    assert steps(preview)["service"] == ["create"]
    assert emulated_cloud.resources() == []


def test_preview_does_not_know_what_aws_will_answer(emulated_cloud):
    seen: list[bool] = []

    def program() -> None:
        vpc, _ = network()
        vpc.id.apply(lambda _id: seen.append(True))

    emulated_cloud.preview(program)
    assert seen == []

    emulated_cloud.up(program)
    assert seen


def test_preview_fails_on_input_that_aws_would_refuse(emulated_cloud):
    def program() -> None:
        _, subnets = network()
        aws.lb.LoadBalancer("balancer", name="not_a_name", subnets=[subnet.id for subnet in subnets])

    with pytest.raises(DeploymentError) as failure:
        emulated_cloud.preview(program)

    (line,) = [line for line in failure.value.errors if "not_a_name" in line]
    assert line.endswith(
        "has a problem: ValidationError: 'not_a_name': a name has only alphanumeric characters and hyphens. "
        "Examine values at 'balancer.name'."
    )
    assert "Traceback" not in str(failure.value)


def test_unknown_type_fails_in_preview(emulated_cloud):
    with pytest.raises(DeploymentError, match="aws:amp/workspace:Workspace is not emulated"):
        emulated_cloud.preview(lambda: aws.amp.Workspace("metrics") and None)


# ------------------------------------------------------------------------------------------------------- up and update
def test_second_up_changes_nothing(emulated_cloud):
    emulated_cloud.up(service_program())

    assert not emulated_cloud.up(service_program()).changed


def test_destroy_leaves_nothing(emulated_cloud):
    emulated_cloud.up(service_program())
    assert emulated_cloud.resources() != []

    emulated_cloud.destroy()

    assert emulated_cloud.resources() == []


def test_changes_in_place_are_updates(emulated_cloud):
    emulated_cloud.up(service_program())

    changed = emulated_cloud.up(service_program(desired=3, health_path="/other", retention=7))

    assert steps(changed) == {"service": ["update"], "targets": ["update"], "logs": ["update"]}
    groups = emulated_cloud.client("elbv2").describe_target_groups(TargetGroupArns=[changed.outputs["targets"]])
    assert groups["TargetGroups"][0]["HealthCheckPath"] == "/other"
    assert not emulated_cloud.up(service_program(desired=3, health_path="/other", retention=7)).changed


def test_new_image_makes_a_new_task_definition_before_the_old_one_goes(emulated_cloud):
    before = emulated_cloud.up(service_program())

    after = emulated_cloud.up(service_program(image="busybox:2"))

    assert steps(after) == {"task": ["create-replacement", "replace", "delete-replaced"], "service": ["update"]}
    assert after.outputs["task"].endswith("/shop:2")
    assert running_task(emulated_cloud, after) == after.outputs["task"]
    definitions = emulated_cloud.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    assert before.outputs["task"] not in definitions


@pytest.mark.parametrize(("fixed", "order"), [(False, "create-replacement"), (True, "delete-replaced")])
def test_replacement_comes_first_unless_the_name_is_fixed(emulated_cloud, fixed, order):
    def program(port: int) -> None:
        vpc, _ = network()
        aws.lb.TargetGroup(
            "targets", name="shop" if fixed else None, vpc_id=vpc.id, port=port, protocol="HTTP", target_type="ip"
        )

    emulated_cloud.up(lambda: program(80))
    changed = emulated_cloud.up(lambda: program(81))

    assert steps(changed)["targets"][0] == order
    assert len([item for item in emulated_cloud.resources() if item["type"] == "target-group"]) == 1


def test_tags_are_updated_in_place(emulated_cloud):
    def program(tags: dict[str, str]) -> None:
        vpc, _ = network(tags)
        pulumi.export("vpc", vpc.id)

    emulated_cloud.up(lambda: program({"a": "1", "b": "2"}))
    changed = emulated_cloud.up(lambda: program({"a": "3", "c": "4"}))

    assert steps(changed) == {"vpc": ["update"]}
    (vpc,) = emulated_cloud.client("ec2").describe_vpcs(VpcIds=[changed.outputs["vpc"]])["Vpcs"]
    assert {tag["Key"]: tag["Value"] for tag in vpc["Tags"]} == {"a": "3", "c": "4"}


def test_two_provider_instances_keep_apart(emulated_cloud):
    def program() -> None:
        other = aws.Provider("other", region="eu-west-1", default_tags={"tags": {"team": "shop"}})
        aws.cloudwatch.LogGroup("here", name="logs")
        aws.cloudwatch.LogGroup("there", name="logs", opts=pulumi.ResourceOptions(provider=other))
        pulumi.export(
            "regions", [aws.get_region().region, aws.get_region(opts=pulumi.InvokeOptions(provider=other)).region]
        )

    deployed = emulated_cloud.up(program)

    assert deployed.outputs["regions"] == ["us-east-1", "eu-west-1"]
    found = {item["region"] for item in emulated_cloud.resources() if item["type"] == "log-group"}
    assert found == {"us-east-1", "eu-west-1"}
    assert recorded(emulated_cloud, "there")["outputs"]["tagsAll"] == {"team": "shop"}
    assert not emulated_cloud.up(program).changed


# --------------------------------------------------------------------------------------------------------------- drift
def test_refresh_after_up_sees_nothing(emulated_cloud):
    emulated_cloud.up(service_program())

    assert not emulated_cloud.refresh().changed


def test_refresh_sees_what_was_done_behind_pulumis_back(emulated_cloud):
    program = service_program()
    outputs = emulated_cloud.up(program).outputs
    client = emulated_cloud.client
    client("logs").put_retention_policy(logGroupName=outputs["logs"], retentionInDays=1)
    client("elbv2").modify_target_group(TargetGroupArn=outputs["targets"], HealthCheckPath="/drifted")
    client("ecs").update_service(cluster=outputs["cluster"], service=outputs["service"], desiredCount=7)
    client("ec2").authorize_security_group_ingress(
        GroupId=outputs["firewall"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    client("ec2").delete_route(RouteTableId=outputs["table"], DestinationCidrBlock="0.0.0.0/0")
    policy = client("iam").list_role_policies(RoleName=outputs["role"])["PolicyNames"][0]
    client("iam").put_role_policy(RoleName=outputs["role"], PolicyName=policy, PolicyDocument=allow("s3:DeleteObject"))
    alarm = client("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmName"]
    client("cloudwatch").delete_alarms(AlarmNames=[alarm])

    refreshed = emulated_cloud.refresh()
    repaired = emulated_cloud.up(program)

    assert refreshed.changes["update"] == 6
    assert refreshed.changes["delete"] == 1
    assert steps(repaired) == {
        "logs": ["update"],
        "targets": ["update"],
        "service": ["update"],
        "firewall": ["update"],
        "table": ["update"],
        "policy": ["update"],
        "alarm": ["create"],
    }
    assert not emulated_cloud.refresh().changed
    groups = client("ec2").describe_security_groups(GroupIds=[outputs["firewall"]])["SecurityGroups"]
    assert [rule["FromPort"] for rule in groups[0]["IpPermissions"]] == [80]


def test_what_was_deleted_behind_pulumis_back_is_made_again(emulated_cloud):
    def program() -> None:
        network()

    emulated_cloud.up(program)
    for subnet in emulated_cloud.client("ec2").describe_subnets(
        Filters=[{"Name": "cidr-block", "Values": ["10.0.0.0/24"]}]
    )["Subnets"]:
        emulated_cloud.client("ec2").delete_subnet(SubnetId=subnet["SubnetId"])

    emulated_cloud.refresh()

    assert steps(emulated_cloud.up(program)) == {"subnet-a": ["create"]}


# -------------------------------------------------------------------------------------------------------------- import
def test_existing_resources_are_read_and_adopted(emulated_cloud):
    vpc = emulated_cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    emulated_cloud.client("logs").create_log_group(logGroupName="mine")
    emulated_cloud.client("logs").put_retention_policy(logGroupName="mine", retentionInDays=7)

    def program() -> None:
        pulumi.export("cidr", aws.ec2.Vpc.get("vpc", vpc).cidr_block)
        aws.cloudwatch.LogGroup("logs", name="mine", retention_in_days=7, opts=pulumi.ResourceOptions(import_="mine"))

    deployed = emulated_cloud.up(program)

    assert deployed.outputs["cidr"] == "10.9.0.0/16"
    assert steps(deployed)["logs"] == ["import"]
    assert not emulated_cloud.up(program).changed


def test_resource_that_does_not_exist_cannot_be_adopted(emulated_cloud):
    with pytest.raises(DeploymentError, match="does not exist"):
        emulated_cloud.up(lambda: aws.ec2.Vpc.get("vpc", "vpc-0123456789abcdef0") and None)


# ------------------------------------------------------------------------------------------------------------- secrets
def test_secrets_are_in_no_state_and_on_no_screen(emulated_cloud):
    def program() -> None:
        password = pulumi.Config().require_secret("password")
        secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0, tags={"hint": password})
        aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=password)
        aws.rds.Instance(
            "database",
            allocated_storage=20,
            engine="postgres",
            instance_class="db.t4g.micro",
            username="app",
            password=password,
            skip_final_snapshot=True,
        )
        pulumi.export("arn", secret.arn)

    deployed = emulated_cloud.up(program, config={"password": Secret("correct-horse-battery")})
    refreshed = emulated_cloud.refresh()

    assert "correct-horse-battery" not in state_of(emulated_cloud)
    assert "correct-horse-battery" not in deployed.output + refreshed.output
    value = emulated_cloud.client("secretsmanager").get_secret_value(SecretId=deployed.outputs["arn"])
    assert value["SecretString"] == "correct-horse-battery"


# -------------------------------------------------------------------------------------------------------------- faults
def test_refusal_is_one_line_with_awss_code(emulated_cloud):
    emulated_cloud.faults(
        {
            "operation": "ec2:CreateVpc",
            "code": "UnauthorizedOperation",
            "status": 403,
            "message": "You are not authorized to perform this operation.",
        }
    )

    with pytest.raises(DeploymentError) as failure:
        emulated_cloud.up(lambda: network() and None)

    assert (
        "operation error EC2: CreateVpc, https response error StatusCode: 403, api error UnauthorizedOperation: "
        "You are not authorized to perform this operation."
    ) in failure.value.errors


@pytest.mark.parametrize(
    "operation", ["ec2:CreateSubnet", "ecs:CreateCluster", "elbv2:CreateListener", "ecs:CreateService"]
)
def test_failure_half_way_is_finished_by_the_next_up(emulated_cloud, operation):
    emulated_cloud.faults({"operation": operation, "code": "ThrottlingException", "message": "Rate exceeded"})
    with pytest.raises(DeploymentError, match="ThrottlingException: Rate exceeded"):
        emulated_cloud.up(service_program())

    emulated_cloud.faults()
    emulated_cloud.up(service_program())

    assert not emulated_cloud.up(service_program()).changed
    assert not emulated_cloud.refresh().changed


def test_failure_right_after_creation_keeps_the_resource_and_is_made_up_for(emulated_cloud):
    def program() -> None:
        _, subnets = network()
        pulumi.export("subnet", subnets[0].id)

    emulated_cloud.faults({"operation": "ec2:ModifySubnetAttribute", "name": "subnet-a", "code": "InternalError"})
    with pytest.raises(DeploymentError, match="InternalError"):
        emulated_cloud.up(program)
    broken = recorded(emulated_cloud, "subnet-a")
    assert broken["initErrors"]

    emulated_cloud.faults()
    finished = emulated_cloud.up(program)

    assert finished.outputs["subnet"] == broken["id"]
    (subnet,) = emulated_cloud.client("ec2").describe_subnets(SubnetIds=[broken["id"]])["Subnets"]
    assert subnet["MapPublicIpOnLaunch"]
    assert not emulated_cloud.up(program).changed


def test_failed_update_leaves_what_is_live_and_the_next_up_finishes(emulated_cloud):
    emulated_cloud.up(service_program())
    changed = service_program(health_path="/other", retention=7)
    emulated_cloud.faults({"operation": "elbv2:ModifyTargetGroup", "code": "AccessDenied", "status": 403})
    with pytest.raises(DeploymentError, match="AccessDenied"):
        emulated_cloud.up(changed)
    assert recorded(emulated_cloud, "targets")["outputs"]["healthCheck"]["path"] == "/ready"

    emulated_cloud.faults()

    assert "targets" in steps(emulated_cloud.up(changed))
    assert not emulated_cloud.up(changed).changed


def test_failed_deletion_is_finished_by_the_next_destroy(emulated_cloud):
    emulated_cloud.up(service_program())
    emulated_cloud.faults({"operation": "ecs:DeleteCluster", "code": "ServerException", "status": 500})
    with pytest.raises(DeploymentError, match="ServerException"):
        emulated_cloud.destroy()

    emulated_cloud.faults()
    emulated_cloud.destroy()

    assert emulated_cloud.resources() == []


def test_throttled_call_goes_through_when_the_fault_is_spent(emulated_cloud):
    emulated_cloud.faults({"operation": "ec2:CreateVpc", "code": "RequestLimitExceeded", "times": 1})
    with pytest.raises(DeploymentError, match="RequestLimitExceeded"):
        emulated_cloud.up(lambda: network() and None)

    assert steps(emulated_cloud.up(lambda: network() and None))["vpc"] == ["create"]


@pytest.mark.parametrize(
    ("effect", "message"), [("rollback", "the deployment was rolled back"), ("timeout", "timeout while waiting")]
)
def test_failed_deployment_fails_the_up_that_waits(emulated_cloud, effect, message):
    before = emulated_cloud.up(service_program())
    emulated_cloud.faults({"operation": "ecs:Deployment", "effect": effect})
    with pytest.raises(DeploymentError, match=message):
        emulated_cloud.up(service_program(image="busybox:2"))
    if effect == "rollback":
        assert running_task(emulated_cloud, before) == before.outputs["task"]

    emulated_cloud.faults()
    repaired = emulated_cloud.up(service_program(image="busybox:2"))

    assert running_task(emulated_cloud, repaired) == repaired.outputs["task"]
    assert not emulated_cloud.up(service_program(image="busybox:2")).changed


def test_silent_rollback_is_told_by_the_services_output_and_repaired_by_the_next_up(emulated_cloud):
    before = emulated_cloud.up(service_program())
    emulated_cloud.faults({"operation": "ecs:Deployment", "effect": "rollback-silent", "times": 1})

    after = emulated_cloud.up(service_program(image="busybox:2"))
    assert after.outputs["running"] == before.outputs["task"]

    repaired = emulated_cloud.up(service_program(image="busybox:2"))
    assert steps(repaired) == {"service": ["update"]}
    assert repaired.outputs["running"] == repaired.outputs["task"]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def kill_engine(deadline: float) -> None:
    """`kill -9` of the CLI that runs the deployment."""
    while time.monotonic() < deadline:
        for pid in children(os.getpid()):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if Path(command[0].decode()).name == "pulumi" and b"up" in command:
                os.kill(pid, signal.SIGKILL)
                return
        time.sleep(0.01)
    raise AssertionError("no engine to kill")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the CLI through /proc")
def test_up_after_the_engine_was_killed_finishes(emulated_cloud):
    emulated_cloud.faults({"operation": "ecs:CreateCluster", "delay": 8, "times": 1})
    failures: list[Exception] = []

    def first_up() -> None:
        try:
            emulated_cloud.up(service_program())
        except Exception as error:
            failures.append(error)

    run = threading.Thread(target=first_up)
    run.start()
    deadline = time.monotonic() + 60
    while "ec2:CreateVpc" not in emulated_cloud.control.calls() and time.monotonic() < deadline:
        time.sleep(0.02)
    kill_engine(deadline)
    run.join(timeout=60)
    assert failures
    # What `pulumi cancel` does: a killed engine leaves its lock on the stack.
    shutil.rmtree(emulated_cloud.folder / "state" / ".pulumi" / "locks")

    finished = emulated_cloud.up(service_program())

    assert running_task(emulated_cloud, finished) == finished.outputs["task"]
    assert not emulated_cloud.up(service_program()).changed
    # The call that outlived its engine must not end in another test.
    while emulated_cloud.control.calls().count("ecs:CreateCluster") < 2 and time.monotonic() < deadline:
        time.sleep(0.05)


# -------------------------------------------------------------------------------------------------------------- images
@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM python:3.14-slim AS runtime\nCOPY main.py .\n")
    (folder / "main.py").write_text("app = 1\n")
    return folder


def image_program(source: Path, **changes: Any) -> Callable[[], None]:
    def program() -> None:
        repository = aws.ecr.Repository("repository", image_tag_mutability="MUTABLE", force_delete=True)
        image = docker_build.Image(
            "image",
            context={"location": str(source)},
            platforms=["linux/arm64"],
            push=True,
            tags=[pulumi.Output.concat(repository.repository_url, ":latest")],
            **changes,
        )
        pulumi.export("repository", repository.name)
        pulumi.export("digest", image.digest)
        pulumi.export("ref", image.ref)

    return program


def test_image_is_pushed_and_said_not_to_be_built(emulated_cloud, source):
    deployed = emulated_cloud.up(image_program(source))

    assert "The emulator has not built this image" in deployed.output
    assert deployed.outputs["ref"].endswith(f":latest@{deployed.outputs['digest']}")
    images = emulated_cloud.client("ecr").describe_images(repositoryName=deployed.outputs["repository"])["imageDetails"]
    assert [image["imageDigest"] for image in images] == [deployed.outputs["digest"]]


def test_image_changes_with_its_context_only(emulated_cloud, source):
    (source / ".dockerignore").write_text("notes.txt\n")
    first = emulated_cloud.up(image_program(source)).outputs["digest"]
    (source / "notes.txt").write_text("not for Docker")
    os.utime(source / "main.py", (1, 1))
    assert not emulated_cloud.up(image_program(source)).changed

    (source / "main.py").write_text("app = 2\n")
    changed = emulated_cloud.up(image_program(source))

    assert steps(changed) == {"image": ["update"]}
    assert changed.outputs["digest"] != first


@pytest.mark.parametrize("change", [{"build_args": {"A": "1"}}, {"platforms": ["linux/amd64"]}, {"target": "runtime"}])
def test_image_changes_with_how_it_is_built(emulated_cloud, source, change):
    base = image_program(source)
    first = emulated_cloud.up(base).outputs["digest"]

    def changed() -> None:
        repository = aws.ecr.Repository("repository", image_tag_mutability="MUTABLE", force_delete=True)
        image = docker_build.Image(
            "image",
            **{
                "context": {"location": str(source)},
                "platforms": ["linux/arm64"],
                "push": True,
                "tags": [pulumi.Output.concat(repository.repository_url, ":latest")],
                **change,
            },
        )
        pulumi.export("digest", image.digest)

    assert emulated_cloud.up(changed).outputs["digest"] != first


def test_image_is_not_built_in_preview(emulated_cloud, source):
    seen: list[str] = []

    def program() -> None:
        image_program(source)()
        docker_build.Image("other", context={"location": str(source)}, push=False).digest.apply(seen.append)

    preview = emulated_cloud.preview(program)

    assert seen == []
    assert "has not built" not in preview.output


def test_image_that_vanished_from_the_registry_is_pushed_again(emulated_cloud, source):
    deployed = emulated_cloud.up(image_program(source))
    emulated_cloud.client("ecr").batch_delete_image(
        repositoryName=deployed.outputs["repository"], imageIds=[{"imageDigest": deployed.outputs["digest"]}]
    )

    emulated_cloud.refresh()

    assert steps(emulated_cloud.up(image_program(source))) == {"image": ["create"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"context": {"location": "nowhere"}},
            "'nowhere' is not a directory. Examine values at 'image.context.location'",
        ),
        (
            {"dockerfile": {"location": "Nofile"}},
            "no Dockerfile at Nofile. Examine values at 'image.dockerfile.location'",
        ),
        ({"target": "builder"}, "target stage 'builder' could not be found. Examine values at 'image.target'"),
        ({"tags": ["UPPER:1"]}, "'UPPER:1' is not a valid image reference. Examine values at 'image.tags"),
    ],
)
def test_image_that_cannot_be_built_fails_in_preview(emulated_cloud, source, arguments, message):
    def program() -> None:
        docker_build.Image("image", **{"context": {"location": str(source)}, "push": False, **arguments})

    with pytest.raises(DeploymentError) as failure:
        emulated_cloud.preview(program)

    assert message in str(failure.value)


def test_push_to_an_immutable_tag_is_refused(emulated_cloud, source):
    def program() -> None:
        repository = aws.ecr.Repository("repository", image_tag_mutability="IMMUTABLE", force_delete=True)
        docker_build.Image(
            "image",
            context={"location": str(source)},
            push=True,
            tags=[pulumi.Output.concat(repository.repository_url, ":v1")],
        )

    emulated_cloud.up(program)
    (source / "main.py").write_text("app = 2\n")

    with pytest.raises(DeploymentError, match="ImageTagAlreadyExistsException"):
        emulated_cloud.up(program)


# ------------------------------------------------------------------------------------------------------- data sources
def test_data_sources_answer(emulated_cloud):
    zone = emulated_cloud.client("route53").create_hosted_zone(Name="example.com", CallerReference="test")

    def program() -> None:
        document = aws.iam.get_policy_document(
            statements=[
                {
                    "actions": ["s3:GetObject"],
                    "resources": ["*"],
                    "principals": [{"type": "Service", "identifiers": ["ecs.amazonaws.com"]}],
                }
            ]
        )
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("partition", aws.get_partition().dns_suffix)
        pulumi.export("zones", aws.get_availability_zones(state="available").names)
        pulumi.export("zone", aws.route53.get_zone(name="example.com").zone_id)
        pulumi.export("default", aws.ec2.get_vpc(default=True).cidr_block)
        pulumi.export("elb", aws.elb.get_service_account().id)
        pulumi.export("document", document.json)
        pulumi.export("token", aws.ecr.get_authorization_token_output().password)

    outputs = emulated_cloud.up(program).outputs

    assert outputs["account"] == "123456789012"
    assert outputs["partition"] == "amazonaws.com"
    assert outputs["zones"][:2] == ["us-east-1a", "us-east-1b"]
    assert outputs["zone"] == zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
    assert outputs["default"] == "172.31.0.0/16"
    assert outputs["elb"] == "127311923021"
    assert json.loads(outputs["document"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "*",
            "Principal": {"Service": "ecs.amazonaws.com"},
        }
    ]
    assert isinstance(outputs["token"], Secret)


def test_data_source_that_finds_nothing_says_so(emulated_cloud):
    with pytest.raises(Exception, match="no matching Route 53 Hosted Zone found"):
        emulated_cloud.up(lambda: aws.route53.get_zone(name="nowhere.example") and None)
