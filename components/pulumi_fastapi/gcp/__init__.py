"""The parts of a FastAPI service on Google Cloud, usable and shareable alone."""

from ..image import ImageArgs
from .access import Access
from .alerts import DatabaseAlerts, NotificationChannels, ServiceAlerts, UptimeAlert
from .apis import Apis
from .cloud_run_service import CloudRunFastAPIService, CloudRunFastAPIServiceArgs
from .dashboard import Dashboard
from .database import Authentication, CloudSqlDatabase, CloudSqlDatabaseArgs, ExistingCloudSqlDatabase
from .image import Image
from .load_balancer import HttpsLoadBalancer, HttpsLoadBalancerArgs
from .migration import Migration
from .network import ExistingVpcNetwork, VpcNetwork, VpcNetworkArgs
from .registry import Registry, RegistryArgs
from .secrets import Secrets, SecretVersion
from .service import Service
from .service_account import ServiceAccount
from .slo import ServiceLevelObjectives, ServiceLevelObjectivesArgs

__all__ = [
    "Access",
    "Apis",
    "Authentication",
    "CloudRunFastAPIService",
    "CloudRunFastAPIServiceArgs",
    "CloudSqlDatabase",
    "CloudSqlDatabaseArgs",
    "Dashboard",
    "DatabaseAlerts",
    "ExistingCloudSqlDatabase",
    "ExistingVpcNetwork",
    "HttpsLoadBalancer",
    "HttpsLoadBalancerArgs",
    "Image",
    "ImageArgs",
    "Migration",
    "NotificationChannels",
    "Registry",
    "RegistryArgs",
    "SecretVersion",
    "Secrets",
    "Service",
    "ServiceAccount",
    "ServiceAlerts",
    "ServiceLevelObjectives",
    "ServiceLevelObjectivesArgs",
    "UptimeAlert",
    "VpcNetwork",
    "VpcNetworkArgs",
]
