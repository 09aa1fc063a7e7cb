"""A FastAPI app on Google Cloud Run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import pulumi
from pulumi import Input, Output, ResourceOptions

from ..app import FastAPIApp
from ..component import as_args, check_name
from ..connection_claims import claim_connections
from ..connection_pool import ConnectionDemand
from ..deploy.release import Release, release_of
from ..environment import (
    check_max_body,
    check_pool_variables,
    database_environment,
    for_the_build,
    runtime_environment,
    with_variables_of,
)
from ..errors import ArgumentError
from ..image import ImageArgs
from ..sizing import check_cloud_run_size
from ..timeouts import CloudRunTimeouts, cloud_run_timeouts
from ..validation import check_emails, check_fields, in_range, matches
from .access import IAP_API, Access, Members, check_members
from .alerts import NotificationChannels, ServiceAlerts, UptimeAlert
from .apis import Apis
from .component import GoogleComponent
from .container import Resources, network_access
from .dashboard import Dashboard
from .database import CloudSqlDatabase, CloudSqlDatabaseLike, DatabaseAccess, allow_client, check_socket
from .image import ARCHITECTURE, Image
from .load_balancer import HttpsLoadBalancer, HttpsLoadBalancerArgs
from .migration import Migration
from .network import VpcNetworkLike
from .place import location_of, project_of
from .registry import Registry, RegistryArgs
from .secrets import Secrets, SecretVersion, grant
from .service import Ingress, Service, service_name
from .service_account import ServiceAccount
from .slo import LEAST_GOAL, ServiceLevelObjectives, ServiceLevelObjectivesArgs

REVISIONS = 2.0
"""During a deploy the instances of two revisions run side by side, each up to the maximum in the worst case."""
_CONCURRENCY = 40
_RESERVED = ("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION")
_LARGEST_BODY = 32 * 1024 * 1024
"""Largest request in bytes that Cloud Run takes with HTTP/1 (Cloud Run quotas)."""
_VERSION = r"projects/[^/]+/secrets/[^/]+/versions/[1-9]\d*"
_APIS = ("run.googleapis.com", "iam.googleapis.com", "monitoring.googleapis.com", "logging.googleapis.com")


@dataclass(frozen=True, kw_only=True)
class CloudRunFastAPIServiceArgs:
    """Inputs of `CloudRunFastAPIService`."""

    app: FastAPIApp = field(default_factory=FastAPIApp)
    """What to run. Default: the app bundled with this package."""
    project: Optional[str] = None
    """Project of the provider, where that gets it otherwise than by `gcp:project`. Default: `gcp:project`."""
    location: Optional[str] = None
    """Region of the service, such as `europe-west1`. Default: the provider's, `gcp:region`."""
    database: Optional[CloudSqlDatabaseLike] = None
    """PostgreSQL: a `CloudSqlDatabase` or an `ExistingCloudSqlDatabase`. Default none."""
    network: Optional[VpcNetworkLike] = None
    """Network whose private addresses the service reaches, by Direct VPC egress: a `VpcNetwork` or an
    `ExistingVpcNetwork`. Default: that of the database, or none."""
    secret_versions: Optional[dict[str, Input[str]]] = None
    """Secret variables that exist already in Secret Manager, as `projects/P/secrets/S/versions/7`; another number is
    another revision. Default none."""
    cpu: float = 1.0
    """vCPU per instance: 1, 2, 4, 6 or 8, or a share from 0.08. Default 1."""
    memory: int = 512
    """Memory per instance in MiB, as Cloud Run gives it with `cpu`; files the app writes count too. Default 512."""
    workers: Optional[int] = None
    """Worker processes per instance, 1 to 64. Default: one per whole vCPU."""
    concurrency: Optional[int] = None
    """Requests that one instance answers at once, 1 to 1000. Default 40, and 1 below one vCPU, where Cloud Run allows
    no more."""
    instances_min: int = 0
    """Instances that are kept, at a lower price while idle. Default 0: none without requests, and a cold start then."""
    instances_max: int = 10
    """Most instances of all revisions together, 1 to 1000. Default 10; the database's connections are counted with
    it."""
    cpu_idle: bool = True
    """CPU only while a request is answered, which is what is billed then. Off for an app that works on after an answer:
    an instance costs by the hour then. Default on."""
    startup_cpu_boost: bool = True
    """More CPU while an instance starts, as Python imports much. Default on."""
    access: Access = Access.PUBLIC
    """Who may call: `PUBLIC` everyone, without a login; `IAM` those of `members`, with a token of Google's; `IAP`
    those of `members`, signed in at Identity-Aware Proxy, where the project belongs to an organisation. Default
    PUBLIC."""
    members: Optional[list[Input[str]]] = None
    """Not PUBLIC: who may call, such as `serviceAccount:job@project.iam.gserviceaccount.com`. Default nobody."""
    internal: bool = False
    """Reachable only from inside the project's networks. Default off."""
    domain: Optional[str] = None
    """DNS name of the service: a global HTTPS load balancer before it, and no other way in. Default none: HTTPS at the
    name under run.app, for nothing."""
    dns_zone: Optional[Input[str]] = None
    """Cloud DNS zone, by its name, in which `domain` becomes the load balancer's address. Default: DNS is yours to
    set."""
    certificate_ids: Optional[list[Input[str]]] = None
    """Certificates for `domain`, as `projects/P/global/sslCertificates/C`. Default: one that Google makes and
    renews."""
    requests_per_minute: Optional[int] = None
    """With `domain`: requests a minute that one client address may send, 10 to 1,000,000 (Cloud Armor, billed by the
    month and by request). Default: no limit."""
    migrate: Optional[list[str]] = None
    """Command such as `["alembic", "upgrade", "head"]`, run once as a Cloud Run job of a new image before the service
    gets it; if it fails, the old version keeps serving. Default none."""
    task_timeout: int = 900
    """Seconds that it may take, 1 to 86400. Default 900."""
    redeploy: Optional[str] = None
    """Any text; a change deploys the same once more, as a revision or a migration that failed is not tried again by
    itself. Default none."""
    keep_images: int = 20
    """Images to keep in the registry, 5 to 1000. Default 20."""
    alert_emails: Optional[list[str]] = None
    """Addresses that alerts go to. Default none."""
    alert_channel_ids: Optional[list[Input[str]]] = None
    """Notification channels for the alerts, `projects/P/notificationChannels/N`, with or without addresses. Default
    none."""
    alert_latency: float = 1.0
    """Seconds above which the 95th percentile of latency is an alert. Default 1."""
    slo_availability: Optional[float] = None
    """Share of the requests that must not be answered 5xx, such as 0.995: makes objectives for that and for
    `alert_latency`, with alerts on how fast the rest is used up. Default none."""
    labels: Optional[dict[str, str]] = None
    """Labels of what is made, lower case, so that a bill can tell them apart. Default none."""
    enable_apis: bool = True
    """Enable the APIs that are needed in the project; they stay enabled afterwards. Default on; off where the deployer
    may not do that and they are enabled already."""
    deletion_protection: bool = True
    """Refuse to delete service, images and secrets. Default on."""

    def __post_init__(self) -> None:
        check_fields(self)
        check_cloud_run_size(self.cpu, self.memory)
        in_range("instances_max", self.instances_max, 1, 1000)
        in_range("instances_min", self.instances_min, 0, self.instances_max)
        in_range("task_timeout", self.task_timeout, 1, 86400, "seconds")
        in_range("alert_latency", self.alert_latency, 0.01, 3600, "seconds")
        if self.workers is not None:
            in_range("workers", self.workers, 1, 64)
        if self.migrate is not None and not (self.migrate and self.migrate[0]):
            raise ArgumentError("migrate", self.migrate, "must be a command and its arguments")
        if not self.cpu_idle and self.cpu < 1:
            raise ArgumentError("cpu_idle", False, f"needs cpu=1 or more, cpu is {self.cpu:g}")
        if self.slo_availability is not None:
            in_range("slo_availability", self.slo_availability, LEAST_GOAL, 0.9999)
        self._check_concurrency()
        self._check_domain()
        check_members(self.access, self.members or ())
        check_emails("alert_emails", self.alert_emails or ())
        check_labels(self.labels or {})
        RegistryArgs(keep_images=self.keep_images)
        ImageArgs(source=self.app.source, module=self.app.module, build=self.app.build)
        self._check_variables()
        if self.database is not None:
            check_pool_variables(self.app, DATABASE_PEAK_TASKS="instances_max")
            if not self.database.on_socket and self.reached_network is None:
                raise ArgumentError("network", None, "is needed to reach the private address of the database")
            check_socket(self.database, self.workers_per_instance * self.app.pool.connections)
        _ = self.timeouts

    @property
    def workers_per_instance(self) -> int:
        """Worker processes per instance."""
        return self.workers or max(1, int(self.cpu))

    @property
    def requests_per_instance(self) -> int:
        """Requests that one instance answers at once."""
        return self.concurrency or (_CONCURRENCY if self.cpu >= 1 else 1)

    @property
    def reached_network(self) -> Optional[VpcNetworkLike]:
        """The network that instances have an address in."""
        if self.network is not None or not isinstance(self.database, CloudSqlDatabase):
            return self.network
        return self.database.args.network

    @property
    def timeouts(self) -> CloudRunTimeouts:
        """Every timeout."""
        try:
            return cloud_run_timeouts(self.app.timeouts, in_network=self.reached_network is not None)
        except ArgumentError as error:
            raise error.inside("app.") from None

    def connection_demand(self, client: str) -> ConnectionDemand:
        """What the service opens in its database at the peak of a deploy."""
        return ConnectionDemand(
            client=client,
            instances=self.instances_max,
            surge=REVISIONS,
            workers=self.workers_per_instance,
            pool=self.app.pool,
        )

    def _check_concurrency(self) -> None:
        if self.concurrency is None:
            return
        in_range("concurrency", self.concurrency, 1, 1000, "requests at once")
        if self.cpu < 1 and self.concurrency > 1:
            raise ArgumentError("concurrency", self.concurrency, f"must be 1 below one vCPU, cpu is {self.cpu:g}")

    def _check_domain(self) -> None:
        if self.domain is None:
            for name in ("dns_zone", "certificate_ids", "requests_per_minute"):
                if getattr(self, name) is not None:
                    raise ArgumentError(name, getattr(self, name), "is of use only with a domain")
            return
        if self.internal:
            raise ArgumentError("internal", True, "and a domain, which is for everyone on the internet; keep one")
        self.load_balancer_args("planned", "planned")

    def load_balancer_args(self, service: Input[str], region: str) -> HttpsLoadBalancerArgs:
        """The entry under `domain`."""
        return HttpsLoadBalancerArgs(
            domain=self.domain or "",
            service=service,
            region=region,
            dns_zone=self.dns_zone,
            certificate_ids=self.certificate_ids,
            requests_per_minute=self.requests_per_minute,
            deletion_protection=self.deletion_protection,
        )

    def _check_variables(self) -> None:
        if self.app.secret_arns:
            raise ArgumentError(
                "app.secret_arns", list(self.app.secret_arns), "are secrets of AWS; use secret_versions on Cloud Run"
            )
        for variable, version in (self.secret_versions or {}).items():
            matches(f"secret_versions[{variable!r}]", version, _VERSION, "projects/P/secrets/S/versions/N, not latest")
            if variable in self.app.variables:
                raise ArgumentError(f"secret_versions[{variable!r}]", variable, "is set in app too; keep one")
        for variable in (*self.app.variables, *(self.secret_versions or ())):
            if variable in _RESERVED:
                raise ArgumentError(f"app.environment[{variable!r}]", variable, "is set by Cloud Run itself")
        check_max_body(
            self.app,
            _LARGEST_BODY,
            "as Cloud Run itself refuses more with HTTP/1; let clients put large files into Cloud Storage by signed"
            " URLs",
        )


class CloudRunFastAPIService(GoogleComponent):
    """A FastAPI app on Cloud Run: released when it is healthy, scaled to zero and back, watched.

    Creates the registry and the image, where none is given, and always: a service account of its own, its secrets, the
    service with its revisions, who may call it, alerts and dashboard; with `migrate` a job.
    Costs CPU and memory while requests are answered, a price per request, and what instances_min keeps.
    """

    url: Output[str]
    """Where the service answers."""
    image: Output[str]
    """The image that runs, by digest."""
    project: str
    """Project of the service."""
    location: str
    """Region of the service."""
    service_name: Output[str]
    """Name of the Cloud Run service."""
    revision: Output[str]
    """Name of the revision that was deployed; it is ready."""
    candidate_url: Output[Optional[str]]
    """Where the revision answers that a release in steps tries, while there is one."""
    service_account_email: Output[str]
    """The account of the app, to grant roles to."""
    database_connection_name: Optional[Input[str]]
    """`project:region:instance` of the database, if there is one."""
    workers: int
    """Worker processes per instance."""
    connection_budget: Optional[dict[str, Any]]
    """Connections that the database holds and that its clients may open, if its size is known."""
    timeouts: dict[str, Any]
    """Every timeout, in seconds."""
    apis: list[str]
    """The APIs that have to be enabled in the project."""

    def __init__(
        self, name: str, args: Optional[CloudRunFastAPIServiceArgs] = None, opts: Optional[ResourceOptions] = None
    ) -> None:
        check_name(name)
        self.args = args = as_args(CloudRunFastAPIServiceArgs, args)
        self._project, self._location = project_of(args.project), location_of(args.location)
        release = release_of(service_name(name))
        budget = claim_connections(args.database, args.connection_demand(name)) if args.database else None
        super().__init__(name, args, opts)
        apis = self._needed_apis()
        if args.enable_apis:
            self.wait_for(Apis(name, apis, self._project, opts=self.child).services)
        account = ServiceAccount(name, self._project, opts=self.child)
        access = allow_client(self, "app", args.database, account.email) if args.database else None
        secrets, grants = self._secrets(account, access)
        environment = self._environment(access)
        image = self._image(for_the_build(environment, secrets))
        container: dict[str, Any] = {
            "project": self._project,
            "location": self._location,
            "service_account": account.email,
            "environment": environment,
            "secrets": secrets,
            "surroundings": self._surroundings(),
            "labels": args.labels,
            "redeploy": args.redeploy or "",
            "depends_on": grants,
        }
        if args.migrate is not None:
            image = self._migrated(image, args.migrate, container)
        service = self._service(image, release, container)
        if release is not None:
            self._say_who_serves(service, release)
        if args.access is not Access.PUBLIC:
            self._members(service)
        url = self._entry(service)
        self._watch(service, url)
        self.publish(
            url=url,
            image=Output.from_input(image),
            project=self._project,
            location=self._location,
            service_name=service.service_name,
            revision=service.revision,
            candidate_url=service.candidate_url,
            service_account_email=account.email,
            database_connection_name=args.database.connection_name if args.database else None,
            workers=args.workers_per_instance,
            connection_budget=budget.as_dict() if budget else None,
            timeouts=args.timeouts.as_dict(),
            apis=apis,
        )

    def _needed_apis(self) -> list[str]:
        args = self.args
        apis = list(_APIS)
        if args.app.image is None:
            apis.append("artifactregistry.googleapis.com")
        if args.app.secrets or args.secret_versions or args.database:
            apis.append("secretmanager.googleapis.com")
        if args.domain is not None:
            apis.append("compute.googleapis.com")
        if args.access is Access.IAP:
            apis.append(IAP_API)
        return apis

    def _secrets(
        self, account: ServiceAccount, access: Optional[DatabaseAccess]
    ) -> tuple[dict[str, SecretVersion], list[pulumi.Resource]]:
        """Variable to version, and the grants without which Cloud Run refuses a revision."""
        args = self.args
        found: dict[str, SecretVersion] = {}
        grants: list[pulumi.Resource] = []
        if args.app.secrets:
            made = Secrets(
                self.resource_name,
                args.app.secrets,
                account.member,
                project=self._project,
                labels=args.labels,
                deletion_protection=args.deletion_protection,
                opts=self.child,
            )
            found |= made.versions
            grants += made.grants
        for variable, version in (args.secret_versions or {}).items():
            found[variable] = existing = SecretVersion.of(version)
            grants.append(grant(self, f"{self.child_name('reads')}-{variable}", existing.secret, account.member))
        if access is not None:
            found |= {name: each for name, each in access.secrets.items() if name not in args.app.variables}
            grants += access.grants
        return found, grants

    def _environment(self, access: Optional[DatabaseAccess]) -> dict[str, Input[str]]:
        """What the runtime reads; a variable of the app itself wins."""
        args, database = self.args, self.args.database
        environment: dict[str, Input[str]] = {
            **runtime_environment(args.app, args.workers_per_instance),
            **args.timeouts.environment(),
        }
        if args.domain is not None:
            # The load balancer writes its own address behind that of the client.
            environment["FORWARDED_HOPS"] = "2"
        if database is not None and access is not None:
            demand = args.connection_demand(self.resource_name)
            environment |= database_environment(database.host, database.port, database.database_name, demand)
            environment |= access.environment
        return with_variables_of(args.app, environment)

    def _image(self, environment: dict[str, Input[str]]) -> Input[str]:
        args, app, name = self.args, self.args.app, self.resource_name
        if app.image is not None:
            return app.image
        registry = Registry(
            name,
            RegistryArgs(
                project=self._project,
                location=self._location,
                keep_images=args.keep_images,
                labels=args.labels,
                deletion_protection=args.deletion_protection,
            ),
            opts=self.child,
        )
        image = ImageArgs(
            source=app.source, module=app.module, build=app.build, environment=environment, architecture=ARCHITECTURE
        )
        return Image(name, registry, image, opts=self.child).reference

    def _surroundings(self) -> dict[str, Any]:
        """What a template has besides its container: the network, and the directory of the database's socket."""
        database, network = self.args.database, self.args.reached_network
        found: dict[str, Any] = {}
        if network is not None:
            found["vpc_access"] = network_access(network.network_id, network.subnetwork_id)
        if database is not None and database.on_socket:
            instances = {"instances": [database.connection_name]}
            found["volumes"] = [{"name": "cloudsql", "cloud_sql_instance": instances}]
        return found

    def _migrated(self, image: Input[str], command: Sequence[str], container: Mapping[str, Any]) -> Output[str]:
        args = self.args
        job = Migration(
            self.resource_name,
            command,
            # Jobs run in the second generation, which needs that much.
            Resources(cpu=max(1.0, args.cpu), memory=max(512, args.memory)),
            image=image,
            timeout=args.task_timeout,
            **container,
            opts=self.child,
        )
        return job.image

    def _service(self, image: Input[str], release: Optional[Release], container: Mapping[str, Any]) -> Service:
        args = self.args
        ingress = Ingress.INTERNAL if args.internal else Ingress.LOAD_BALANCER if args.domain else Ingress.ALL
        return Service(
            self.resource_name,
            args.app,
            args.timeouts,
            Resources(
                cpu=args.cpu, memory=args.memory, cpu_idle=args.cpu_idle, startup_cpu_boost=args.startup_cpu_boost
            ),
            image=image,
            concurrency=args.requests_per_instance,
            instances_min=args.instances_min,
            instances_max=args.instances_max,
            ingress=ingress,
            public=args.access is Access.PUBLIC,
            iap=args.access is Access.IAP,
            release=release,
            deletion_protection=args.deletion_protection,
            **container,
            opts=self.child,
        )

    def _say_who_serves(self, service: Service, release: Release) -> None:
        """A new revision that gets no traffic must not pass for one that serves."""

        def say(revision: str) -> None:
            share = release.share_of(revision)
            if share < 100:
                pulumi.log.warn(
                    f"{service_name(self.resource_name)}: revision {release.stable} has {100 - share} % of the traffic,"
                    f" {revision} has {share} %; `pulumi-fastapi deploy` moves it",
                    self,
                )

        service.revision.apply(say)

    def _members(self, service: Service) -> None:
        Members(
            self.resource_name,
            self.args.access,
            self.args.members or (),
            service=service.service_name,
            location=self._location,
            project=self._project,
            opts=self.child,
        )

    def _entry(self, service: Service) -> Output[str]:
        if self.args.domain is None:
            return service.url
        args = self.args.load_balancer_args(service.service_name, self._location)
        return HttpsLoadBalancer(self.resource_name, args, opts=self.child).url

    def _watch(self, service: Service, url: Output[str]) -> None:
        args, name, database = self.args, self.resource_name, self.args.database
        channels = list(args.alert_channel_ids or ())
        if args.alert_emails:
            channels += NotificationChannels(name, args.alert_emails, opts=self.child).ids
        watched: dict[str, Any] = {"service": service.service_name, "location": self._location}
        ServiceAlerts(
            name,
            **watched,
            max_instances=args.instances_max,
            min_instances=args.instances_min,
            channel_ids=channels,
            latency_seconds=args.alert_latency,
            opts=self.child,
        )
        if args.access is Access.PUBLIC and not args.internal:
            UptimeAlert(name, url, args.app.readiness_path, self._project, channels, opts=self.child)
        if args.slo_availability is not None:
            ServiceLevelObjectives(
                name,
                ServiceLevelObjectivesArgs(
                    **watched,
                    availability=args.slo_availability,
                    latency_seconds=args.alert_latency,
                    channel_ids=channels,
                ),
                opts=self.child,
            )
        database_id = None
        if database is not None:  # project:region:instance, and Cloud Monitoring leaves the region out
            connection = Output.from_input(database.connection_name)
            database_id = connection.apply(lambda known: ":".join((known.rsplit(":", 2)[0], known.rsplit(":", 2)[2])))
        Dashboard(name, **watched, database_id=database_id, opts=self.child)


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that Google refuses."""
    if len(labels) > 64:
        raise ArgumentError("labels", list(labels), "are more than the 64 that Google takes")
    for key, value in labels.items():
        matches("labels", key, r"[a-z][a-z0-9_-]{0,62}", "up to 63 lower case letters, digits, _ and -, a letter first")
        matches(f"labels[{key!r}]", value, r"[a-z0-9_-]{0,63}", "up to 63 lower case letters, digits, _ and -")
