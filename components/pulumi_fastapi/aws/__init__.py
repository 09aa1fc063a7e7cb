"""The parts of a FastAPI service on AWS, usable and shareable alone."""

from ..image import ImageArgs
from .alarms import AlarmTopic
from .autoscaling import Autoscaling
from .budget import Budget
from .dashboard import Dashboard
from .database import Database, DatabaseArgs, ExistingDatabase
from .database_alarms import DatabaseAlarms
from .fargate_service import FargateFastAPIService, FargateFastAPIServiceArgs
from .image import Image
from .load_balancer import Certificate, ExistingLoadBalancer, LoadBalancer, LoadBalancerArgs, Target, TargetArgs
from .load_balancer_alarms import LoadBalancerAlarms, TrafficAlarms
from .network import ExistingNetwork, Network, NetworkArgs, Outbound
from .registry import Registry, RegistryArgs
from .roles import TaskRoles
from .secrets import Secrets
from .service_alarms import ServiceAlarms
from .task import Task

__all__ = [
    "AlarmTopic",
    "Autoscaling",
    "Budget",
    "Certificate",
    "Dashboard",
    "Database",
    "DatabaseAlarms",
    "DatabaseArgs",
    "ExistingDatabase",
    "ExistingLoadBalancer",
    "ExistingNetwork",
    "FargateFastAPIService",
    "FargateFastAPIServiceArgs",
    "Image",
    "ImageArgs",
    "LoadBalancer",
    "LoadBalancerAlarms",
    "LoadBalancerArgs",
    "Network",
    "NetworkArgs",
    "Outbound",
    "Registry",
    "RegistryArgs",
    "Secrets",
    "ServiceAlarms",
    "Target",
    "TargetArgs",
    "Task",
    "TaskRoles",
    "TrafficAlarms",
]
