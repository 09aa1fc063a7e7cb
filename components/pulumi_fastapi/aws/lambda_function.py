"""A FastAPI app on AWS Lambda."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Optional

import pulumi_aws as aws
from pulumi import CustomTimeouts, Input, InvokeOptions, Output, ResourceOptions

from ..app import FastAPIApp
from ..component import Component, as_args, check_name, fitting_name
from ..connection_claims import budget_so_far, claim_connections
from ..connection_pool import ConnectionBudget, ConnectionDemand, ConnectionPool
from ..environment import (
    check_max_body,
    check_pool_variables,
    for_the_build,
    runtime_environment,
    with_variables_of,
)
from ..errors import REDACTED, ArgumentError
from ..image import ImageArgs
from ..timeouts import LambdaTimeouts, lambda_timeouts
from ..traffic_shift import ShiftStrategy, TrafficShift
from ..validation import check_emails, check_fields, in_range
from . import policies
from .alarms import alarm_topic
from .cloud_front import (
    CLOUD_FRONT_SECONDS,
    ORIGIN_HEADER,
    CloudFront,
    CloudFrontArgs,
    check_origin_secret,
    origin_environment,
)
from .credentials import Credentials
from .dashboard import Dashboard, database_graphs
from .database import Database, DatabaseLike, allow_clients, environment_of
from .function import RESERVED_VARIABLES, Function, FunctionSize, Placement
from .function_role import FunctionRole
from .function_target import LOAD_BALANCER_BYTES, FunctionTarget, FunctionTargetArgs
from .function_url import PAYLOAD_BYTES, URL_SECONDS, FunctionUrl
from .http_api import HTTP_API_SECONDS, HttpApi, HttpApiArgs, JwtAuthorizer
from .image import image_of
from .lambda_alarms import (
    EntryAlarms,
    EntryMetrics,
    LambdaAlarms,
    ReleaseAlarms,
    entry_graphs,
    function_graphs,
    function_target_metrics,
    http_api_metrics,
    url_metrics,
)
from .load_balancer import LoadBalancerLike, check_domain, check_paths, check_rule, check_zone
from .logs import check_retention
from .network import Network, NetworkLike, Outbound, allow_anywhere, check_same_network
from .registry import ECR_IMAGE, RegistryArgs
from .release import ALIAS, Release
from .release_hooks import Gates, Watched, function_hooks, release_hooks
from .schedule import DeadLetters, Schedule, ScheduleArgs, keep_warm
from .secrets import secret_references, ssm_parameters

SURGE = 2.0
"""Environments at the peak, as a multiple of those that may answer: after a release those of the old version are
frozen, keep their connections until Lambda ends them, and count for no limit."""
LARGEST_RESERVATION = 900
"""Of an account's 1000 environments, the most one function reserves: 100 stay for all others (Lambda quotas)."""
_SHIFT = tuple(each.name for each in fields(TrafficShift))
_SIZE = ("memory", "ephemeral_storage", "architecture")


class Entry(StrEnum):
    """What stands before the function."""

    FUNCTION_URL = "FUNCTION_URL"
    """Its own URL; with a `domain`, CloudFront before it. Free but for CloudFront."""
    HTTP_API = "HTTP_API"
    """An API Gateway HTTP API: domain, throttling, access logs, tokens. Billed per request; 30 seconds at most."""
    LOAD_BALANCER = "LOAD_BALANCER"
    """An Application Load Balancer shared with Fargate services; 1 MB at most."""


@dataclass(frozen=True, kw_only=True)
class LambdaFastAPIFunctionArgs:
    """Inputs of `LambdaFastAPIFunction`."""

    app: FastAPIApp = field(default_factory=FastAPIApp)
    """What to run. Default: the app bundled with this package. An environment answers one request at a time, so a
    `pool` that is left at its default is one connection here."""
    database: Optional[DatabaseLike] = None
    """PostgreSQL: a `Database` or an `ExistingDatabase`; the function then runs in its network. Default none."""
    network: Optional[NetworkLike] = None
    """With a database: the `Network` or `ExistingNetwork` that it stands in. Default none: a function in a VPC reaches
    only what the VPC has a way to."""
    entry: Entry = Entry.FUNCTION_URL
    """`FUNCTION_URL`, `HTTP_API` or `LOAD_BALANCER`. Default FUNCTION_URL, which costs nothing."""
    load_balancer: Optional[LoadBalancerLike] = None
    """With `entry="LOAD_BALANCER"`: the `LoadBalancer` or `ExistingLoadBalancer` to share."""
    paths: Optional[list[str]] = None
    """On a load balancer: requests for these paths only, such as `/api/*`. Default: any path."""
    priority: Optional[int] = None
    """On a load balancer: priority of the listener rule, 1 to 50000. Default: derived from the name."""
    domain: Optional[str] = None
    """DNS name of the function; before a function URL that makes a CloudFront distribution. Default none: the name that
    AWS gives."""
    zone_id: Optional[Input[str]] = None
    """Route 53 zone of `domain`, for the certificate and the DNS record."""
    certificate_arn: Optional[Input[str]] = None
    """Certificate for `domain`; of us-east-1 for CloudFront. Default: one made and validated in `zone_id`."""
    origin_secret: Optional[Input[str]] = field(default=None, repr=False, metadata={"secret": True})
    """With CloudFront: what it proves itself with to the function, 32 characters or more; without it the function's URL
    would be a way past CloudFront. Make one with `pulumi config set --secret origin_secret $(openssl rand -hex 32)`."""
    caching: bool = False
    """With CloudFront: keep answers for as long as their `Cache-Control` says. Default off."""
    web_acl_arn: Optional[Input[str]] = None
    """With CloudFront: web ACL of the scope `CLOUDFRONT`. Default none."""
    jwt: Optional[JwtAuthorizer] = None
    """With an HTTP API: let only requests with a token of this issuer through. Default: the app decides."""
    requests_per_second: int = 1000
    """With an HTTP API: requests a second that are let through, the rest is answered 429; 1 to 10000. Default 1000."""
    memory: int = 1024
    """Memory per environment in MiB, 128 to 10240; CPU grows with it, 1769 is one vCPU. Default 1024."""
    ephemeral_storage: int = 512
    """Size of /tmp in MiB, 512 to 10240; the first 512 are free. Default 512."""
    architecture: str = "ARM64"
    """`ARM64` or `X86_64`. Default ARM64, a fifth cheaper."""
    reserved_concurrency: Optional[int] = None
    """Environments that may answer at the same time, 1 to 900; they are taken from the account's 1000. Default: as many
    as the database holds connections for; without a database no limit of its own."""
    provisioned_concurrency: int = 0
    """Environments that are started beforehand, up to 900; billed by the hour. Default 0."""
    provisioned_concurrency_max: Optional[int] = None
    """Scale those up to this number when 70 % of them are in use. Default: they do not scale."""
    tracing: bool = False
    """Trace invocations in AWS X-Ray; billed per trace. Default off."""
    log_retention_days: int = 30
    """Days that logs are kept, of those CloudWatch Logs offers. Default 30."""
    keep_images: int = 20
    """Images to keep in the registry; a version whose image is gone cannot be rolled back to. Default 20."""
    strategy: ShiftStrategy = ShiftStrategy.ALL_AT_ONCE
    """How a release moves traffic once the new version is ready: `ALL_AT_ONCE`; `CANARY` and `LINEAR` in two steps or
    evenly, and back when an alarm fires. Default ALL_AT_ONCE."""
    bake_minutes: int = 5
    """Not ALL_AT_ONCE: minutes for which alarms still count once all traffic has moved. Default 5."""
    canary_percent: float = 10.0
    """CANARY: share of the traffic that moves first. Default 10."""
    canary_bake_minutes: int = 5
    """CANARY: minutes with that share. Default 5."""
    step_percent: float = 20.0
    """LINEAR: share of the traffic that moves at each step, 3 to 99. Default 20."""
    step_bake_minutes: int = 2
    """LINEAR: minutes between two steps. Default 2."""
    migrate: Optional[list[str]] = None
    """Command such as `["alembic", "upgrade", "head"]`, run once in a new image, in a function of its own, before it
    gets traffic; if it fails, the old version keeps serving. Default none."""
    task_timeout: int = 900
    """Seconds that it may take, 1 to 900. Default 900."""
    ignore_alarms: bool = False
    """Start a release although one of its alarms is firing. Default off."""
    verify_deployments: bool = True
    """Let the program call the new version, with its own credentials, before it gets traffic. Needed by `migrate`,
    CANARY and LINEAR. Default on."""
    schedules: Optional[list[ScheduleArgs]] = None
    """Paths of the app that EventBridge Scheduler calls, and when. Default none."""
    keep_warm: bool = False
    """Call the liveness path every five minutes, so that one environment stays. Default off."""
    alarm_emails: Optional[list[str]] = None
    """Addresses that alarms go to; each must confirm once. Default none."""
    alarm_topic_arn: Optional[Input[str]] = None
    """SNS topic for the alarms. Default: the database's, or one of its own."""
    alarm_latency: float = 1.0
    """Seconds above which the 95th percentile of latency is an alarm. Default 1."""
    secret_key_arns: Optional[list[Input[str]]] = None
    """KMS keys with which existing secrets are encrypted, if with a key of yours. Default none: AWS' own key."""
    deletion_protection: bool = True
    """Refuse to delete images, and keep deleted secrets for 30 days. Default on."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.app.pool == ConnectionPool():
            object.__setattr__(self, "app", replace(self.app, pool=ConnectionPool(size=1)))
        FunctionSize(**{name: getattr(self, name) for name in _SIZE})
        check_retention("log_retention_days", self.log_retention_days)
        check_emails("alarm_emails", self.alarm_emails or ())
        RegistryArgs(keep_images=self.keep_images)
        ImageArgs(source=self.app.source, module=self.app.module, build=self.app.build)
        self._check_app()
        self._check_concurrency()
        self._check_release()
        self._check_entry()
        try:
            self.timeouts  # noqa: B018 (refuses what this entry cannot hold)
        except ArgumentError as error:
            raise error.inside("app.timeouts.") from None
        self._check_network()

    @property
    def shift(self) -> TrafficShift:
        """How traffic moves to a new version."""
        return TrafficShift(**{name: getattr(self, name) for name in _SHIFT})

    @property
    def max_body(self) -> int:
        """Bytes of the largest request that reaches the function, as text; of a binary one three quarters."""
        return LOAD_BALANCER_BYTES if self.entry is Entry.LOAD_BALANCER else PAYLOAD_BYTES

    @property
    def timeouts(self) -> LambdaTimeouts:
        """How long a request may take, as the entry waits."""
        if self.load_balancer is not None:
            return lambda_timeouts(self.app.timeouts, self.load_balancer.idle_timeout, "the load balancer")
        if self.entry is Entry.HTTP_API:
            return lambda_timeouts(self.app.timeouts, HTTP_API_SECONDS, "an HTTP API")
        if self.domain is not None:
            return lambda_timeouts(self.app.timeouts, CLOUD_FRONT_SECONDS, "CloudFront")
        return lambda_timeouts(self.app.timeouts, URL_SECONDS, "Lambda")

    def connection_demand(self, client: str, budget: Optional[ConnectionBudget] = None) -> ConnectionDemand:
        """What the function opens in its database after a release: as many environments as may answer, twice.

        Args:
            budget: what the database has left, which decides where `reserved_concurrency` does not.
        """
        instances = self.reserved_concurrency or 1
        if self.reserved_concurrency is None and budget is not None:
            each = SURGE * self.app.pool.connections
            instances = max(1, min(int(budget.free // each), LARGEST_RESERVATION))
        return ConnectionDemand(
            client=client, instances=instances, surge=SURGE, workers=1, pool=self.app.pool, noun="environment"
        )

    def _check_app(self) -> None:
        app = self.app
        if isinstance(app.image, str) and not ECR_IMAGE.fullmatch(app.image):
            raise ArgumentError(
                "app.image", app.image, "Lambda runs images of Amazon ECR in its own region only; copy it there"
            )
        for variable in app.variables:
            if variable in RESERVED_VARIABLES:
                raise ArgumentError("app.environment", variable, "is set by Lambda itself")
        for variable in app.environment or ():
            if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", variable):
                raise ArgumentError(
                    "app.environment", variable, "Lambda takes names of two characters or more that begin with a letter"
                )
        check_max_body(
            app,
            self.max_body,
            "as more does not reach a function behind this entry; let clients put large files into S3 by presigned"
            " URLs",
        )

    def _check_concurrency(self) -> None:
        reserved, warm, most = (
            self.reserved_concurrency,
            self.provisioned_concurrency,
            self.provisioned_concurrency_max,
        )
        if reserved is not None:
            in_range("reserved_concurrency", reserved, 1, LARGEST_RESERVATION)
        in_range("provisioned_concurrency", warm, 0, reserved or LARGEST_RESERVATION)
        if most is not None:
            if not warm:
                raise ArgumentError("provisioned_concurrency_max", most, "is of use only with provisioned_concurrency")
            in_range("provisioned_concurrency_max", most, warm, reserved or LARGEST_RESERVATION)
        if warm and self.strategy is not ShiftStrategy.ALL_AT_ONCE:
            raise ArgumentError(
                "provisioned_concurrency",
                warm,
                f"Lambda allows no weights on an alias that has it, so strategy must be ALL_AT_ONCE, not"
                f" {self.strategy.value}; Lambda itself keeps the old version until the new one is warm",
            )

    def _check_release(self) -> None:
        shift = self.shift
        in_range("task_timeout", self.task_timeout, 1, 900, "seconds: as long as a function may run")
        if self.migrate is not None and not (self.migrate and self.migrate[0]):
            raise ArgumentError("migrate", self.migrate, "must be a command and its arguments")
        if not self.verify_deployments and (self.migrate is not None or shift.steps):
            what = "migrate" if self.migrate is not None else f"strategy {shift.strategy.value}"
            raise ArgumentError("verify_deployments", False, f"is what runs {what}; leave it on")

    def _check_entry(self) -> None:
        check_domain("domain", self.domain)
        check_paths(self.paths, self.domain)
        if self.priority is not None:
            in_range("priority", self.priority, 1, 50000)
        in_range("requests_per_second", self.requests_per_second, 1, 10_000)
        shared, api = self.entry is Entry.LOAD_BALANCER, self.entry is Entry.HTTP_API
        cloud_front = self.entry is Entry.FUNCTION_URL and self.domain is not None
        for names, useful, needed in (
            (("load_balancer", "paths", "priority"), shared, "entry=LOAD_BALANCER"),
            (("jwt", "requests_per_second"), api, "entry=HTTP_API"),
            (("origin_secret", "caching", "web_acl_arn"), cloud_front, "entry=FUNCTION_URL and a domain"),
        ):
            for name in names:
                value, default = getattr(self, name), type(self).__dataclass_fields__[name].default
                if value != default and not useful:
                    got = REDACTED if name == "origin_secret" else value
                    raise ArgumentError(name, got, f"is of use only with {needed}")
        if shared and self.load_balancer is None:
            raise ArgumentError("load_balancer", None, "give the one to share; one for a function alone costs too much")
        if not shared:
            check_zone(self.domain, self.zone_id, self.certificate_arn)
        if cloud_front and self.origin_secret is None:
            raise ArgumentError(
                "origin_secret",
                None,
                "without it the function's URL is a way past CloudFront; make one with"
                " `pulumi config set --secret origin_secret $(openssl rand -hex 32)`, or use entry='HTTP_API'",
            )
        if self.origin_secret is not None:
            check_origin_secret("origin_secret", self.origin_secret)

    def _check_network(self) -> None:
        network, database = self.network, self.database
        if database is None:
            if network is not None:
                raise ArgumentError(
                    "network", "a network", "is of use only with a database; a function in a VPC has no way out of it"
                )
            return
        check_pool_variables(
            self.app, DATABASE_PEAK_TASKS="reserved_concurrency", DATABASE_POOLER="proxy of the database"
        )
        if network is None:
            raise ArgumentError("network", None, "is needed with a database: give the one that it stands in")
        if isinstance(database, Database):
            check_same_network(network, "database", database.args.network)
        network.function_subnet_ids(())  # an existing one may have none
        budget_known = database.budget is not None or (isinstance(database, Database) and database.args.proxy)
        if not budget_known and self.reserved_concurrency is None:
            raise ArgumentError(
                "reserved_concurrency",
                None,
                "nothing else bounds the connections: say how many environments may run, or max_connections of the"
                " database",
            )
        self._check_endpoints(network)

    def _check_endpoints(self, network: NetworkLike) -> None:
        args = network.args if isinstance(network, Network) else None
        if args is None or args.outbound is not Outbound.ENDPOINTS or "ssm" in (args.extra_endpoints or ()):
            return
        if self.reads_parameters:
            raise ArgumentError(
                "app.secret_arns",
                "a parameter of SSM",
                "needs the network to have extra_endpoints=['ssm'], as it has no way out",
            )

    @property
    def reads_parameters(self) -> bool:
        """Whether a secret variable is a parameter of SSM."""
        return bool(ssm_parameters(self.app.secret_arns))


class LambdaFastAPIFunction(Component):
    """A FastAPI app on Lambda: released only when ready, taken back when an alarm fires, within its database's
    connections.

    Creates registry and image, secrets, log group, role, the function with a version per change, an alias that all
    traffic goes to, an entry (its URL, an HTTP API, a share of a load balancer), alarms and dashboard. With a database
    it runs in the network, and with its own `Network` there is an endpoint to Secrets Manager.
    Costs per request and by the memory and milliseconds of each; nothing while nobody calls, but for logs, alarms,
    images, and what was asked for by the hour.
    """

    url: Output[str]
    """Where the function answers."""
    image: Output[str]
    """The image that runs, by digest."""
    function_name: Output[str]
    """Name of the function."""
    function_arn: Output[str]
    """ARN of the function."""
    alias_name: Output[str]
    """Alias that serves."""
    alias_arn: Output[str]
    """Its ARN, for whoever else invokes the app."""
    version: Output[str]
    """The version that serves."""
    log_group_name: Output[str]
    """Log group of the app."""
    role_name: Output[str]
    """Role of the app, to attach policies to."""
    security_group_id: Optional[Output[str]]
    """Security group of the function, if it runs in a network."""
    database_endpoint: Optional[Output[str]]
    """`host:port` of the database, if there is one."""
    database_secret_arn: Optional[Input[str]]
    """Secret with the database's user and password, if there is one."""
    alarm_topic_arn: Input[str]
    """SNS topic of the alarms."""
    reserved_concurrency: Optional[int]
    """Environments that may answer at the same time, if there is a limit."""
    connection_budget: Optional[dict[str, Any]]
    """Connections that the database holds and that its clients may open, if there is a database."""
    timeouts: dict[str, Any]
    """Every timeout, in seconds."""

    def __init__(
        self, name: str, args: Optional[LambdaFastAPIFunctionArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        check_name(name)
        self.args = args = as_args(LambdaFastAPIFunctionArgs, args)
        if args.load_balancer is not None:
            check_rule(args.load_balancer, fitting_name(name, "", 128), args.domain, args.paths, args.priority)
        app, times = args.app, args.timeouts
        budget = self._claim_connections(name)
        super().__init__(name, args, opts)
        secrets = self._secrets()
        environment = self._environment(times, secrets)
        image = self._image(for_the_build(environment, secrets))
        logs = aws.cloudwatch.LogGroup(
            self.child_name("logs"), retention_in_days=args.log_retention_days, opts=self.child
        )
        placement = self._placement()
        database_secret = [args.database.secret_arn] if args.database else []
        role = FunctionRole(
            name,
            log_group_arn=logs.arn,
            secret_arns=[*secrets.values(), *database_secret],
            secret_key_arns=args.secret_key_arns or (),
            vpc=placement is not None,
            tracing=args.tracing,
            opts=self.child,
        )
        shared: dict[str, Any] = {
            "role_arn": role.role_arn,
            "log_group": logs.name,
            "environment": environment,
            "placement": placement,
            "depends_on": [*role.policies, *self.image_policies],
        }
        self.function = Function(
            name,
            image,
            self._size(times.function),
            command=app.command,
            tracing=args.tracing,
            reserved_concurrency=self.reserved_concurrency,
            hooks=function_hooks(name, Credentials.of_program()) if args.verify_deployments else None,
            opts=self.child,
            **shared,
        )
        topic = alarm_topic(self, args.alarm_topic_arn, args.database, args.alarm_emails or ())
        watched: dict[str, Any] = {
            "function": self.function.name,
            "alias": ALIAS,
            "log_group": logs.name,
            "topic_arn": topic,
            "opts": self.child,
        }
        alarms = ReleaseAlarms(name, version=self.function.version, latency_seconds=args.alarm_latency, **watched)
        self.release = self._release(times, alarms, self._migrator(image, shared))
        url, metrics = self._entry(times)
        letters = self._schedules(role)
        LambdaAlarms(
            name,
            timeout=times.function,
            concurrency=self.reserved_concurrency,
            dead_letter_queue=letters.queue_name if letters else None,
            **watched,
        )
        EntryAlarms(name, metrics, topic, latency_seconds=args.alarm_latency, opts=self.child)
        graphs = [*entry_graphs(metrics), *function_graphs(self.function.name, ALIAS, logs.name)]
        Dashboard(name, self.function.name, [*graphs, *database_graphs(args.database)], opts=self.child)
        self.publish(
            url=url,
            image=image,
            function_name=self.function.name,
            function_arn=self.function.arn,
            alias_name=self.release.alias_name,
            alias_arn=self.release.alias_arn,
            version=self.release.version,
            log_group_name=logs.name,
            role_name=role.role_name,
            security_group_id=placement.security_group_id if placement else None,
            database_endpoint=Output.concat(args.database.host, f":{args.database.port}") if args.database else None,
            database_secret_arn=args.database.secret_arn if args.database else None,
            alarm_topic_arn=topic,
            reserved_concurrency=self.reserved_concurrency,
            connection_budget=budget.as_dict() if budget else None,
            timeouts=times.as_dict(),
        )

    def _claim_connections(self, name: str) -> Optional[ConnectionBudget]:
        """Take connections from the database's, and keep to as many environments as it holds them for."""
        args = self.args
        self.reserved_concurrency = args.reserved_concurrency
        if args.database is None:
            return None
        self.demand = args.connection_demand(name, budget_so_far(args.database))
        budget = claim_connections(args.database, self.demand)
        if budget is not None:
            self.reserved_concurrency = self.demand.instances
            in_range(
                "provisioned_concurrency",
                args.provisioned_concurrency_max or args.provisioned_concurrency,
                0,
                self.demand.instances,
                "environments: the database holds connections for no more",
            )
        return budget

    def _secrets(self) -> dict[str, Input[str]]:
        """Variable to where its value stands."""
        app = self.args.app
        return secret_references(self, app.secrets, self.args.deletion_protection) | (app.secret_arns or {})

    def _environment(self, times: LambdaTimeouts, secrets: Mapping[str, Input[str]]) -> dict[str, Input[str]]:
        """What the runtime reads; a variable of the app itself wins."""
        app, database = self.args.app, self.args.database
        environment: dict[str, Input[str]] = {
            **runtime_environment(app),
            **times.environment(),
            "MAX_BODY_BYTES": str(self.args.max_body),
        }
        if secrets:
            environment["SECRET_ARNS"] = Output.json_dumps(dict(sorted(secrets.items())))
        if self.args.origin_secret is not None:
            environment |= origin_environment(self.args.origin_secret)
        if database is not None:
            environment |= environment_of(database, self.demand)
        return with_variables_of(app, environment)

    def _image(self, environment: dict[str, Input[str]]) -> Input[str]:
        args = self.args
        image = image_of(
            self,
            args.app,
            environment,
            architecture=args.architecture,
            keep_images=args.keep_images,
            deletion_protection=args.deletion_protection,
        )
        self.image_policies = [self._let_lambda_pull(image)] if args.app.image is None else []
        return image

    def _let_lambda_pull(self, image: Input[str]) -> aws.ecr.RepositoryPolicy:
        """Lambda would write it itself, if whoever deploys had the right to change the policies of repositories."""
        own = InvokeOptions(parent=self)
        functions = Output.concat(
            "arn:",
            aws.get_partition_output(opts=own).partition,
            ":lambda:",
            aws.get_region_output(opts=own).region,
            ":",
            aws.get_caller_identity_output(opts=own).account_id,
            ":function:*",
        )
        return aws.ecr.RepositoryPolicy(
            self.child_name("images"),
            repository=Output.from_input(image).apply(lambda known: known.split("/", 1)[1].split("@")[0]),
            policy=policies.document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    "Condition": {"ArnLike": {"aws:SourceArn": functions}},
                }
            ),
            opts=self.child,
        )

    def _placement(self) -> Optional[Placement]:
        """With a database: in its network, out to anywhere the network has a way to."""
        args = self.args
        if args.database is None or args.network is None:
            return None
        group = aws.ec2.SecurityGroup(
            self.child_name("function"),
            vpc_id=args.network.vpc_id,
            description="Function: nobody in",
            tags={"Name": f"{self.resource_name}-function"},
            # Lambda gives its network interfaces back late.
            opts=self.child_options(custom_timeouts=CustomTimeouts(delete="45m")),
        )
        allow_anywhere(self, "function", group.id)
        allow_clients(self, "function", args.database.security_group_id, group.id, args.database.port)
        services = ["secretsmanager", *(["ssm"] if args.reads_parameters else [])]
        return Placement(subnet_ids=args.network.function_subnet_ids(services), security_group_id=group.id)

    def _size(self, timeout: int) -> FunctionSize:
        return FunctionSize(timeout=timeout, **{name: getattr(self.args, name) for name in _SIZE})

    def _migrator(self, image: Input[str], shared: Mapping[str, Any]) -> Optional[Function]:
        """A migration may take longer than a request, so the function that runs it may, too."""
        if self.args.migrate is None:
            return None
        return Function(
            f"{self.resource_name}-migrate",
            image,
            self._size(self.args.task_timeout),
            # Never two at once, where the account lets anything be reserved.
            reserved_concurrency=None if self.reserved_concurrency is None else 1,
            opts=self.child,
            # After the function, whose image is checked.
            **{**shared, "depends_on": [self.function]},
        )

    def _release(self, times: LambdaTimeouts, alarms: ReleaseAlarms, migrator: Optional[Function]) -> Release:
        args = self.args
        hooks = None
        if args.verify_deployments:
            hooks = release_hooks(
                self.resource_name,
                shift=args.shift,
                gates=Gates(
                    readiness_path=args.app.readiness_path,
                    startup=times.startup,
                    timeout=times.function,
                    migrate=args.migrate,
                    task_timeout=args.task_timeout,
                    ignore_alarms=args.ignore_alarms,
                    provisioned=args.provisioned_concurrency > 0,
                ),
                watched=Watched(
                    function_arn=self.function.arn,
                    alarm_names=Output.all(*alarms.alarm_names),
                    migrator=migrator.name if migrator else None,
                ),
                credentials=Credentials.of_program(),
            )
        return Release(
            self.resource_name,
            self.function.name,
            self.function.version,
            provisioned_concurrency=args.provisioned_concurrency,
            provisioned_concurrency_max=args.provisioned_concurrency_max,
            depends_on=[alarms, *([migrator] if migrator else [])],
            hooks=hooks,
            opts=self.child,
        )

    def _entry(self, times: LambdaTimeouts) -> tuple[Output[str], EntryMetrics]:
        """The way in: its URL, and where it counts requests."""
        args, name, function = self.args, self.resource_name, self.function.name
        alias = self.release.alias_name
        if args.load_balancer is not None:
            target = FunctionTarget(
                name,
                FunctionTargetArgs(
                    load_balancer=args.load_balancer,
                    function_name=function,
                    qualifier=alias,
                    alias_arn=self.release.alias_arn,
                    domain=args.domain,
                    paths=args.paths,
                    priority=args.priority,
                    zone_id=args.zone_id,
                    certificate_arn=args.certificate_arn,
                ),
                opts=self.child,
            )
            return target.url, function_target_metrics(args.load_balancer.arn_suffix, target.arn_suffix)
        if args.entry is Entry.HTTP_API:
            api = HttpApi(
                name,
                HttpApiArgs(
                    function_name=function,
                    qualifier=alias,
                    invoke_arn=self.release.invoke_arn,
                    domain=args.domain,
                    zone_id=args.zone_id,
                    certificate_arn=args.certificate_arn,
                    jwt=args.jwt,
                    requests_per_second=args.requests_per_second,
                    log_retention_days=args.log_retention_days,
                ),
                opts=self.child,
            )
            return api.url, http_api_metrics(api.api_id)
        own = FunctionUrl(name, function, alias, opts=self.child)
        url = own.url.apply(lambda known: known.rstrip("/"))
        if args.domain is not None and args.origin_secret is not None:
            url = CloudFront(
                name,
                CloudFrontArgs(
                    host=own.host,
                    function_name=function,
                    qualifier=alias,
                    domain=args.domain,
                    zone_id=args.zone_id,
                    certificate_arn=args.certificate_arn,
                    origin_headers={ORIGIN_HEADER: args.origin_secret},
                    caching=args.caching,
                    timeout=times.entry,
                    web_acl_arn=args.web_acl_arn,
                ),
                opts=self.child,
            ).url
        return url, url_metrics(function, ALIAS)

    def _schedules(self, role: FunctionRole) -> Optional[DeadLetters]:
        """What is called on time; returns where it goes when it came to nothing."""
        calls: dict[str, ScheduleArgs] = {}
        for call in self.args.schedules or ():
            label = fitting_name(call.path.partition("?")[0].strip("/").lower() or "root", "", 40)
            calls[label if label not in calls else f"{label}-{len(calls)}"] = call
        if self.args.keep_warm:
            calls["keep-warm"] = keep_warm(self.args.app.liveness_path)
        if not calls:
            return None
        letters = DeadLetters(
            self.resource_name, self.function.name, self.release.alias_name, role.role_name, opts=self.child
        )
        for label, call in calls.items():
            Schedule(self.child_name(label), call, self.release.alias_arn, letters.arn, opts=self.child)
        return letters
