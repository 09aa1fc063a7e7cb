"""A FastAPI app on AWS Fargate."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
from pulumi import CustomTimeouts, Input, Output, ResourceHookBinding, ResourceOptions

from ..app import FastAPIApp
from ..component import Component, as_args, check_name, fitting_name
from ..connection_claims import claim_connections
from ..connection_pool import ConnectionDemand
from ..environment import (
    check_pool_variables,
    for_the_build,
    runtime_environment,
    with_variables_of,
)
from ..errors import ArgumentError
from ..image import ARCHITECTURES, ImageArgs
from ..rollout import DeploymentTime, Rollout, Strategy, worst_case_seconds
from ..sizing import check_fargate_size, worker_count
from ..timeouts import TimeoutLadder, ladder
from ..validation import check_emails, check_fields, in_range, one_of
from .alarms import alarm_topic
from .autoscaling import Autoscaling
from .credentials import Credentials
from .dashboard import Dashboard, database_graphs, service_graphs
from .database import Database, DatabaseLike, allow_clients, environment_of
from .deployment import deployment_configuration, load_balancer
from .deployment_hooks import Gates, deployment_hooks
from .image import image_of
from .load_balancer import (
    LoadBalancer,
    LoadBalancerArgs,
    LoadBalancerLike,
    Target,
    TargetArgs,
    arn_suffix,
    check_domain,
    check_paths,
    check_rule,
    check_scheme,
    check_zone,
    first_on,
)
from .load_balancer_alarms import LoadBalancerAlarms, TrafficAlarms
from .logs import check_retention
from .network import Network, NetworkLike, Outbound, allow_anywhere, check_same_network
from .registry import RegistryArgs
from .roles import TaskRoles, TrafficRole
from .secrets import secret_references, ssm_parameters
from .service_alarms import ServiceAlarms
from .task import Task

_PRIVATE_NETWORKS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10"
_ROLLOUT = tuple(each.name for each in fields(Rollout) if not each.name.endswith("imum_percent"))


@dataclass(frozen=True, kw_only=True)
class FargateFastAPIServiceArgs:
    """Inputs of `FargateFastAPIService`."""

    app: FastAPIApp = field(default_factory=FastAPIApp)
    """What to run. Default: the app bundled with this package."""
    network: Optional[NetworkLike] = None
    """Where to run: a `Network` or an `ExistingNetwork`. Default: a `Network` of its own."""
    load_balancer: Optional[LoadBalancerLike] = None
    """Entry to share: a `LoadBalancer` or an `ExistingLoadBalancer`. Default: a `LoadBalancer` of its own."""
    database: Optional[DatabaseLike] = None
    """PostgreSQL: a `Database` or an `ExistingDatabase`. Default none."""
    cluster_arn: Optional[Input[str]] = None
    """ECS cluster to run in, with the capacity provider FARGATE. Default: a cluster of its own."""
    domain: Optional[str] = None
    """DNS name of the service. Default none: HTTP at the load balancer's name."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone of `domain`, for the certificate and the DNS record."""
    certificate_arn: Optional[Input[str]] = None
    """Certificate for `domain`. Default: one made and validated in `zone_id`."""
    paths: Optional[list[str]] = None
    """On a shared load balancer: requests for these paths only, such as `/api/*`. Default: any path."""
    priority: Optional[int] = None
    """On a shared load balancer: priority of the listener rule, 1 to 50000. Default: derived from the name."""
    internal: Optional[bool] = None
    """Reachable only from the network. Default: only where the network has no public subnets."""
    cpu: int = 512
    """CPU units per task, 256 to 16384 (1024 is 1 vCPU). Default 512."""
    memory: int = 1024
    """Memory per task in MiB, as Fargate sells it with `cpu`. Default 1024."""
    architecture: str = "ARM64"
    """`ARM64` or `X86_64`. Default ARM64, a fifth cheaper."""
    workers: Optional[int] = None
    """Worker processes per task, 1 to 64. Default: one per whole vCPU."""
    tasks_min: int = 2
    """Tasks that always run. Default 2: one zone may fail."""
    tasks_max: int = 4
    """Tasks under load; equal to `tasks_min` turns autoscaling off. Default 4."""
    target_cpu: int = 60
    """Average CPU in percent that scaling aims at, 10 to 90. Default 60."""
    target_memory: int = 75
    """Average memory in percent that scaling aims at, 10 to 90. Default 75."""
    requests_per_target: Optional[int] = None
    """Requests per task and minute that scaling aims at. Default: scale on CPU and memory only."""
    spot_percent: int = 0
    """Share of the tasks on Fargate Spot beyond the first one, in percent; about 70 % cheaper, stopped at two minutes'
    notice. Default 0."""
    enable_execute_command: bool = False
    """Allow `aws ecs execute-command`, a shell in a running task; its agent needs a writable root. Default off."""
    container_insights: str = "disabled"
    """`disabled`, `enabled` or `enhanced`; billed per metric. Default disabled."""
    log_retention_days: int = 30
    """Days that logs are kept, of those CloudWatch Logs offers. Default 30."""
    keep_images: int = 20
    """Images to keep in the registry. Default 20."""
    access_logs: bool = False
    """Write the load balancer's access logs into a bucket. Default off."""
    strategy: Strategy = Strategy.ROLLING
    """How a deploy replaces tasks: `ROLLING` in batches; `BLUE_GREEN`, `CANARY` and `LINEAR` start a full second set,
    move the traffic at once, in two steps or evenly, and go back when an alarm fires. Default ROLLING, the fastest and
    cheapest."""
    bake_minutes: int = 5
    """Not ROLLING: minutes that the old tasks stay ready once all traffic has moved. Default 5."""
    canary_percent: float = 10.0
    """CANARY: share of the traffic that moves first. Default 10."""
    canary_bake_minutes: int = 5
    """CANARY: minutes with that share. Default 5."""
    step_percent: float = 20.0
    """LINEAR: share of the traffic that moves at each step, 3 to 100. Default 20."""
    step_bake_minutes: int = 2
    """LINEAR: minutes between two steps. Default 2."""
    approval_minutes: int = 0
    """Not ROLLING: minutes to wait, ready but without traffic, for someone to continue the deploy; then it goes back.
    Default 0: it does not wait."""
    migrate: Optional[list[str]] = None
    """Command such as `["alembic", "upgrade", "head"]`, run once as a task of a new image before the service gets it;
    if it fails, the old version keeps serving. Default none."""
    smoke_test: Optional[list[str]] = None
    """Command run after that, in the same way: the new version is deployed only if it ends with 0. Default none."""
    task_timeout: int = 900
    """Seconds that each of the two may take, 1 to 86400. Default 900."""
    ignore_alarms: bool = False
    """Start a deploy although one of its rollback alarms is firing. Default off."""
    verify_deployments: bool = True
    """Let the program check in AWS, with its own credentials, what became of a deploy: `up` then fails if ECS rolled it
    back, and says why. Needed by `migrate`. Default on."""
    alarm_emails: Optional[list[str]] = None
    """Addresses that alarms go to; each must confirm once. Default none."""
    alarm_topic_arn: Optional[Input[str]] = None
    """SNS topic for the alarms. Default: the database's, or one of its own."""
    alarm_latency: float = 1.0
    """Seconds above which the 95th percentile of latency is an alarm. Default 1."""
    secret_key_arns: Optional[list[Input[str]]] = None
    """KMS keys with which existing secrets are encrypted, if with a key of yours. Default none: AWS' own key."""
    deletion_protection: bool = True
    """Refuse to delete load balancer and images, and keep deleted secrets for 30 days. Default on."""

    def __post_init__(self) -> None:
        check_fields(self)
        try:
            ladder(self.app.timeouts)
        except ArgumentError as error:
            raise error.inside("app.timeouts.") from None
        check_fargate_size(self.cpu, self.memory)
        one_of("architecture", self.architecture, ARCHITECTURES)
        one_of("container_insights", self.container_insights, ("disabled", "enabled", "enhanced"))
        check_retention("log_retention_days", self.log_retention_days)
        check_domain("domain", self.domain)
        in_range("task_timeout", self.task_timeout, 1, 86400, "seconds")
        for name in ("migrate", "smoke_test"):
            command = getattr(self, name)
            if command is not None and not (command and command[0]):
                raise ArgumentError(name, command, "must be a command and its arguments")
            if command is not None and not self.verify_deployments:
                raise ArgumentError("verify_deployments", False, f"is what runs {name}; leave it on")
        in_range("tasks_min", self.tasks_min, 1, 5000)
        in_range("tasks_max", self.tasks_max, self.tasks_min, 5000)
        in_range("target_cpu", self.target_cpu, 10, 90, "%")
        in_range("target_memory", self.target_memory, 10, 90, "%")
        in_range("spot_percent", self.spot_percent, 0, 100, "%")
        in_range("alarm_latency", self.alarm_latency, 0.01, 4000, "seconds")
        if self.workers is not None:
            in_range("workers", self.workers, 1, 64)
        if self.requests_per_target is not None:
            in_range("requests_per_target", self.requests_per_target, 1, 10_000_000, "requests per minute")
        check_emails("alarm_emails", self.alarm_emails or ())
        RegistryArgs(keep_images=self.keep_images)
        ImageArgs(source=self.app.source, module=self.app.module, build=self.app.build)
        if self.tasks_max == self.tasks_min and self.requests_per_target is not None:
            raise ArgumentError(
                "requests_per_target", self.requests_per_target, "is of use only with tasks_max above tasks_min"
            )
        if self.cluster_arn is not None and self.container_insights != "disabled":
            raise ArgumentError("container_insights", self.container_insights, "is decided by the given cluster")
        if self.load_balancer is None or self.domain is None:
            check_zone(self.domain, self.zone_id, self.certificate_arn)
        self._check_strategy()
        self._check_load_balancer()
        self._check_endpoints()
        self._check_database()
        self._check_one_network()

    @property
    def rollout(self) -> Rollout:
        """How the service moves to new tasks."""
        return Rollout(**{name: getattr(self, name) for name in _ROLLOUT})

    @property
    def workers_per_task(self) -> int:
        """Worker processes per task."""
        return self.workers or worker_count(self.cpu)

    def connection_demand(self, client: str) -> ConnectionDemand:
        """What the service opens in its database at the peak of a deploy."""
        return ConnectionDemand(
            client=client,
            instances=self.tasks_max,
            surge=self.rollout.surge,
            workers=self.workers_per_task,
            pool=self.app.pool,
            noun="task",
        )

    def _check_strategy(self) -> None:
        rollout, default = self.rollout, Rollout()
        users = {
            "canary": (Strategy.CANARY,),
            "step": (Strategy.LINEAR,),
            "bake": (Strategy.BLUE_GREEN, Strategy.CANARY, Strategy.LINEAR),
            "approval": (Strategy.BLUE_GREEN, Strategy.CANARY, Strategy.LINEAR),
        }
        for name in _ROLLOUT:
            strategies = users.get(name.split("_")[0])
            if strategies and rollout.strategy not in strategies and getattr(self, name) != getattr(default, name):
                raise ArgumentError(
                    name, getattr(self, name), f"is of use only with strategy {' or '.join(strategies)}"
                )

    def _check_load_balancer(self) -> None:
        if self.load_balancer is None:
            for name in ("paths", "priority"):
                if getattr(self, name) is not None:
                    raise ArgumentError(name, getattr(self, name), "is of use only with a shared load_balancer")
            if self.network is not None:
                check_scheme(self.internal, self.network)
            return
        check_paths(self.paths, self.domain)
        if self.priority is not None:
            in_range("priority", self.priority, 1, 50000)
        for name, default in (("internal", None), ("access_logs", False)):
            if getattr(self, name) != default:
                raise ArgumentError(name, getattr(self, name), "is decided by the load_balancer that is given")
        needed = ladder(self.app.timeouts).idle
        if self.load_balancer.idle_timeout != needed:
            raise ArgumentError(
                "load_balancer.idle_timeout",
                self.load_balancer.idle_timeout,
                f"must be {needed}, as app.timeouts says; make the balancer with idle_timeout={needed}"
                " or change timeouts.idle",
            )

    def _check_endpoints(self) -> None:
        """In a network without internet a task reaches only the services that have an endpoint."""
        network = self.network.args if isinstance(self.network, Network) else None
        if network is None or network.outbound is not Outbound.ENDPOINTS:
            return
        for name, needed, service in (
            ("enable_execute_command", self.enable_execute_command, "ssmmessages"),
            ("app.secret_arns", ssm_parameters(self.app.secret_arns), "ssm"),
        ):
            if needed and service not in (network.extra_endpoints or ()):
                raise ArgumentError(
                    name, needed, f"needs the network to have extra_endpoints=[{service!r}], as it has no way out"
                )

    def _check_database(self) -> None:
        if self.database is None:
            return
        check_pool_variables(self.app, DATABASE_PEAK_TASKS="tasks_max", DATABASE_POOLER="proxy of the database")

    def _check_one_network(self) -> None:
        """A service in a network of its own can reach neither a load balancer nor a database of another one."""
        for name in ("load_balancer", "database"):
            part = getattr(self, name)
            if part is None:
                continue
            if self.network is None:
                raise ArgumentError("network", None, f"is needed with a {name} that exists already: give the same one")
            if isinstance(part, (LoadBalancer, Database)):
                check_same_network(self.network, name, part.args.network)


class FargateFastAPIService(Component):
    """A FastAPI app on Fargate behind a load balancer: deployed without failed requests, scaled, watched.

    Creates, where none is given: network, registry and image, secrets, cluster, load balancer with certificate; and
    always: roles, log group, task definition, service, autoscaling, alarms and dashboard.
    Costs by the hour for tasks and load balancer, and by use for logs, traffic, alarms and images.
    """

    url: Output[str]
    """Where the service answers."""
    image: Output[str]
    """The image that runs, by digest."""
    cluster_arn: Output[str]
    """ARN of the cluster, to share."""
    cluster_name: Output[str]
    """Name of the cluster."""
    service_name: Output[str]
    """Name of the ECS service."""
    task_definition_arn: Output[str]
    """The revision that was deployed."""
    log_group_name: Output[str]
    """Log group of the app."""
    task_role_name: Output[str]
    """Role of the app, to attach policies to."""
    execution_role_name: Output[str]
    """Role with which ECS starts the tasks."""
    security_group_id: Output[str]
    """Security group of the tasks."""
    database_endpoint: Optional[Output[str]]
    """`host:port` of the database, if there is one."""
    database_secret_arn: Optional[Input[str]]
    """Secret with the database's user and password, if there is one."""
    alarm_topic_arn: Input[str]
    """SNS topic of the alarms."""
    workers: int
    """Worker processes per task."""
    connection_budget: Optional[dict[str, Any]]
    """Connections that the database holds and that its clients may open, if there is a database."""
    timeouts: dict[str, Any]
    """Every timeout, in seconds."""
    deployment_seconds: dict[str, int]
    """How long a deploy can take at most, by its terms."""

    def __init__(
        self, name: str, args: Optional[FargateFastAPIServiceArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        check_name(name)
        self.args = args = as_args(FargateFastAPIServiceArgs, args)
        if args.load_balancer is not None:
            check_rule(args.load_balancer, fitting_name(name, "", 128), args.domain, args.paths, args.priority)
        app, rungs, rollout = args.app, ladder(args.app.timeouts), args.rollout
        workers = args.workers_per_task
        budget = claim_connections(args.database, args.connection_demand(name)) if args.database else None
        super().__init__(name, args, opts)
        self.network = args.network or Network(name, opts=self.child)
        secrets, environment = self._secrets(), self._environment(rungs, workers)
        image = image_of(
            self,
            app,
            for_the_build(environment, secrets),
            architecture=args.architecture,
            keep_images=args.keep_images,
            deletion_protection=args.deletion_protection,
        )
        logs = aws.cloudwatch.LogGroup(
            self.child_name("logs"), retention_in_days=args.log_retention_days, opts=self.child
        )
        cluster_arn = args.cluster_arn or self._cluster()
        cluster_name = Output.from_input(cluster_arn).apply(lambda arn: arn.split("/")[-1])
        self.load_balancer = args.load_balancer or self._load_balancer(rungs)
        target = self._target(rungs)
        roles = TaskRoles(
            name,
            image=image,
            log_group_arn=logs.arn,
            secret_arns=list(secrets.values()),
            app_secret_arns=[args.database.secret_arn] if args.database else [],
            secret_key_arns=args.secret_key_arns or (),
            enable_execute_command=args.enable_execute_command,
            opts=self.child,
        )
        task = Task(
            name,
            app,
            rungs,
            image=image,
            cpu=args.cpu,
            memory=args.memory,
            architecture=args.architecture,
            environment=environment,
            secrets=secrets,
            log_group=logs.name,
            execution_role_arn=roles.execution_role_arn,
            task_role_arn=roles.task_role_arn,
            writable_root=args.enable_execute_command,
            keep_revisions=args.deletion_protection,
            opts=self.child,
        )
        group, entry = self._security_group()
        topic = alarm_topic(self, args.alarm_topic_arn, args.database, args.alarm_emails or ())
        alarms = TrafficAlarms(
            name, **self._traffic(target), topic_arn=topic, latency_seconds=args.alarm_latency, opts=self.child
        )
        deployment = worst_case_seconds(rungs, rollout, tasks=args.tasks_max)
        service = self._service(cluster_arn, task, target, group, rungs, alarms, deployment, [*roles.policies, *entry])
        self._autoscaling(cluster_name, service, target)
        self._watch(cluster_name, service, target, logs, topic)
        self.publish(
            url=target.url,
            image=image,
            cluster_arn=cluster_arn,
            cluster_name=cluster_name,
            service_name=service.name,
            task_definition_arn=task.arn,
            log_group_name=logs.name,
            task_role_name=roles.task_role_name,
            execution_role_name=roles.execution_role_name,
            security_group_id=group.id,
            database_endpoint=Output.concat(args.database.host, f":{args.database.port}") if args.database else None,
            database_secret_arn=args.database.secret_arn if args.database else None,
            alarm_topic_arn=topic,
            workers=workers,
            connection_budget=budget.as_dict() if budget else None,
            timeouts=rungs.as_dict(),
            deployment_seconds=deployment.as_dict(),
        )

    def _secrets(self) -> dict[str, Input[str]]:
        """Variable to `valueFrom`."""
        app = self.args.app
        references = secret_references(self, app.secrets, self.args.deletion_protection)
        if self.args.database is not None:
            for variable, key in (("DATABASE_USERNAME", "username"), ("DATABASE_PASSWORD", "password")):
                if variable not in app.variables:
                    references[variable] = Output.concat(self.args.database.secret_arn, f":{key}::")
        return references | (app.secret_arns or {})

    def _environment(self, rungs: TimeoutLadder, workers: int) -> dict[str, Input[str]]:
        """What the runtime reads; a variable of the app itself wins."""
        app, database = self.args.app, self.args.database
        environment: dict[str, Input[str]] = {
            **runtime_environment(app, workers),
            "PORT": str(app.port),
            # Only the load balancer reaches a task, so who connects from inside of the VPC is it.
            "FORWARDED_ALLOW_IPS": getattr(self.network, "cidr_block", _PRIVATE_NETWORKS),
            **rungs.environment(),
        }
        if database is not None:
            environment |= environment_of(database, self.args.connection_demand(self.resource_name))
        return with_variables_of(app, environment)

    def _cluster(self) -> Output[str]:
        cluster = aws.ecs.Cluster(
            self.child_name("cluster"),
            settings=[{"name": "containerInsights", "value": self.args.container_insights}],
            opts=self.child,
        )
        providers = aws.ecs.ClusterCapacityProviders(
            self.child_name("cluster"),
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            opts=self.child,
        )
        # Whoever uses the cluster, also another service, waits until it has its capacity providers.
        return Output.all(cluster.arn, providers.id).apply(lambda made: str(made[0]))

    def _load_balancer(self, rungs: TimeoutLadder) -> LoadBalancer:
        args = self.args
        return LoadBalancer(
            self.resource_name,
            LoadBalancerArgs(
                network=self.network,
                domain=args.domain,
                zone_id=args.zone_id,
                certificate_arn=args.certificate_arn,
                internal=args.internal,
                idle_timeout=rungs.idle,
                access_logs=args.access_logs,
                deletion_protection=args.deletion_protection,
            ),
            opts=self.child,
        )

    def _target(self, rungs: TimeoutLadder) -> Target:
        args = self.args
        return Target(
            self.resource_name,
            TargetArgs(
                load_balancer=self.load_balancer,
                vpc_id=self.network.vpc_id,
                health_path=args.app.readiness_path,
                ladder=rungs,
                domain=args.domain,
                paths=args.paths,
                priority=args.priority,
                zone_id=args.zone_id,
                certificate_arn=args.certificate_arn if args.load_balancer is not None else None,
            ),
            opts=self.child,
        )

    def _security_group(self) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource]]:
        """The tasks', in from the load balancer only, out to anywhere, as an app calls what it calls; and the rules
        that have to exist before tasks get traffic."""
        group = aws.ec2.SecurityGroup(
            self.child_name("tasks"),
            vpc_id=self.network.vpc_id,
            description="Tasks: the load balancer only",
            tags={"Name": f"{self.resource_name}-tasks"},
            opts=self.child,
        )
        balancer, port = self.load_balancer.security_group_id, self.args.app.port
        # Named by the port: another one opens before the old one closes, when the last old task is gone.
        into_tasks = aws.vpc.SecurityGroupIngressRule(
            self.child_name(f"tasks-in-{port}"),
            security_group_id=group.id,
            referenced_security_group_id=balancer,
            description="From the load balancer",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self.child,
        )
        out_of_balancer = aws.vpc.SecurityGroupEgressRule(
            self.child_name(f"lb-out-{port}"),
            security_group_id=balancer,
            referenced_security_group_id=group.id,
            description=f"To the tasks of {self.resource_name}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self.child,
        )
        allow_anywhere(self, "tasks", group.id)
        if self.args.database is not None:
            allow_clients(self, "tasks", self.args.database.security_group_id, group.id, self.args.database.port)
        return group, [into_tasks, out_of_balancer]

    def _service(
        self,
        cluster_arn: Input[str],
        task: Task,
        target: Target,
        group: aws.ec2.SecurityGroup,
        rungs: TimeoutLadder,
        alarms: TrafficAlarms,
        deployment: DeploymentTime,
        needed: Sequence[pulumi.Resource],
    ) -> aws.ecs.Service:
        args, rollout = self.args, self.args.rollout
        timeout = f"{deployment.total}s"
        role = self._traffic_role(target) if rollout.shifts_traffic else None
        return aws.ecs.Service(
            self.child_name("service"),
            cluster=cluster_arn,
            task_definition=task.arn,
            desired_count=args.tasks_min,
            capacity_provider_strategies=_capacity(args.spot_percent),
            # ECS refuses a changed capacity strategy without it; so every change of the service rolls its tasks.
            force_new_deployment=True,
            platform_version="LATEST",
            deployment_controller={"type": "ECS"},
            deployment_configuration=deployment_configuration(rollout),
            deployment_minimum_healthy_percent=rollout.minimum_percent,
            deployment_maximum_percent=rollout.maximum_percent,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            # A rolling deploy would wait minutes for them to stay quiet; it has the circuit breaker.
            alarms=aws.ecs.ServiceAlarmsArgs(enable=True, rollback=True, alarm_names=alarms.alarm_names)
            if rollout.shifts_traffic
            else None,
            health_check_grace_period_seconds=rungs.grace,
            wait_for_steady_state=True,
            availability_zone_rebalancing="ENABLED",
            enable_execute_command=args.enable_execute_command,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            network_configuration={
                "subnets": self.network.task_subnet_ids,
                "security_groups": [group.id],
                "assign_public_ip": self.network.assign_public_ip,
            },
            load_balancers=[load_balancer(target, role, args.app.port)],
            opts=self.child_options(
                depends_on=[*needed, *(role.policies if role else ()), target],
                ignore_changes=["desiredCount"] if args.tasks_max > args.tasks_min else None,
                custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete=timeout),
                hooks=self._hooks(deployment) if args.verify_deployments else None,
            ),
        )

    def _hooks(self, deployment: DeploymentTime) -> ResourceHookBinding:
        args = self.args
        return deployment_hooks(
            self.resource_name,
            rollout=args.rollout,
            longest=deployment,
            gates=Gates(
                migrate=args.migrate,
                smoke_test=args.smoke_test,
                task_timeout=args.task_timeout,
                ignore_alarms=args.ignore_alarms,
            ),
            credentials=Credentials.of_program(),
        )

    def _traffic_role(self, target: Target) -> TrafficRole:
        return TrafficRole(self.resource_name, [target.arn, target.alternate_arn], target.rule_arn, opts=self.child)

    def _autoscaling(self, cluster_name: Output[str], service: aws.ecs.Service, target: Target) -> None:
        args = self.args
        if args.tasks_max == args.tasks_min:
            return
        Autoscaling(
            self.resource_name,
            cluster=cluster_name,
            service=service.name,
            tasks_min=args.tasks_min,
            tasks_max=args.tasks_max,
            startup=args.app.timeouts.startup,
            target_cpu=args.target_cpu,
            target_memory=args.target_memory,
            requests_per_target=args.requests_per_target,
            **self._traffic(target),
            opts=self.child,
        )

    def _traffic(self, target: Target) -> dict[str, Any]:
        """The metrics' dimensions: the group that has the traffic, or both where a deploy moves it between them."""
        groups = [target.arn, target.alternate_arn] if self.args.rollout.shifts_traffic else [target.live_arn]
        return {"load_balancer": self.load_balancer.arn_suffix, "targets": [arn_suffix(group) for group in groups]}

    def _watch(
        self,
        cluster_name: Output[str],
        service: aws.ecs.Service,
        target: Target,
        logs: aws.cloudwatch.LogGroup,
        topic: Input[str],
    ) -> None:
        args, database = self.args, self.args.database
        traffic = self._traffic(target)
        tasks: dict[str, Any] = {"cluster": cluster_name, "service": service.name}
        if first_on(self.load_balancer, "alarms", self.resource_name):
            LoadBalancerAlarms(self.resource_name, traffic["load_balancer"], topic, opts=self.child)
        ServiceAlarms(
            self.resource_name,
            **traffic,
            **tasks,
            log_group=logs.name,
            min_tasks=args.tasks_min,
            topic_arn=topic,
            opts=self.child,
        )
        # The service's physical name is random, so two stacks in one account do not overwrite each other's dashboard.
        graphs = [*service_graphs(**traffic, **tasks), *database_graphs(database)]
        Dashboard(self.resource_name, service.name, graphs, opts=self.child)


def _capacity(spot_percent: int) -> list[aws.ecs.ServiceCapacityProviderStrategyArgs]:
    """One task on demand, the rest in the given shares; always as a strategy, so that a change happens in place."""
    on_demand = aws.ecs.ServiceCapacityProviderStrategyArgs(
        capacity_provider="FARGATE", base=1, weight=100 - spot_percent
    )
    spot = aws.ecs.ServiceCapacityProviderStrategyArgs(capacity_provider="FARGATE_SPOT", weight=spot_percent)
    return [on_demand, spot] if spot_percent else [on_demand]
