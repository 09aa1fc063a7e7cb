"""The parts of a FastAPI service on AWS, usable and shareable alone."""

from ..image import ImageArgs
from .alarms import AlarmTopic
from .autoscaling import Autoscaling
from .budget import Budget
from .cloud_front import CloudFront, CloudFrontArgs
from .dashboard import Dashboard
from .database import Database, DatabaseArgs, ExistingDatabase
from .database_alarms import DatabaseAlarms
from .fargate_service import FargateFastAPIService, FargateFastAPIServiceArgs
from .function import Function, FunctionSize
from .function_role import FunctionRole
from .function_target import FunctionTarget, FunctionTargetArgs
from .function_url import FunctionUrl
from .http_api import HttpApi, HttpApiArgs, JwtAuthorizer
from .image import Image
from .lambda_alarms import EntryAlarms, LambdaAlarms, ReleaseAlarms
from .lambda_function import Entry, LambdaFastAPIFunction, LambdaFastAPIFunctionArgs
from .load_balancer import Certificate, ExistingLoadBalancer, LoadBalancer, LoadBalancerArgs, Target, TargetArgs
from .load_balancer_alarms import LoadBalancerAlarms, TrafficAlarms
from .network import ExistingNetwork, Network, NetworkArgs, Outbound
from .registry import Registry, RegistryArgs
from .release import Release
from .roles import TaskRoles
from .schedule import DeadLetters, Schedule, ScheduleArgs
from .secrets import Secrets
from .service_alarms import ServiceAlarms
from .task import Task
from .web_acl import WebAcl, WebAclArgs

__all__ = [
    "AlarmTopic",
    "Autoscaling",
    "Budget",
    "Certificate",
    "CloudFront",
    "CloudFrontArgs",
    "Dashboard",
    "Database",
    "DatabaseAlarms",
    "DatabaseArgs",
    "DeadLetters",
    "Entry",
    "EntryAlarms",
    "ExistingDatabase",
    "ExistingLoadBalancer",
    "ExistingNetwork",
    "FargateFastAPIService",
    "FargateFastAPIServiceArgs",
    "Function",
    "FunctionRole",
    "FunctionSize",
    "FunctionTarget",
    "FunctionTargetArgs",
    "FunctionUrl",
    "HttpApi",
    "HttpApiArgs",
    "Image",
    "ImageArgs",
    "JwtAuthorizer",
    "LambdaAlarms",
    "LambdaFastAPIFunction",
    "LambdaFastAPIFunctionArgs",
    "LoadBalancer",
    "LoadBalancerAlarms",
    "LoadBalancerArgs",
    "Network",
    "NetworkArgs",
    "Outbound",
    "Registry",
    "RegistryArgs",
    "Release",
    "ReleaseAlarms",
    "Schedule",
    "ScheduleArgs",
    "Secrets",
    "ServiceAlarms",
    "Target",
    "TargetArgs",
    "Task",
    "TaskRoles",
    "TrafficAlarms",
    "WebAcl",
    "WebAclArgs",
]
