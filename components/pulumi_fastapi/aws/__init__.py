"""The parts of a FastAPI service on AWS, usable and shareable alone.

Names are imported when they are first used: a service on Fargate never loads what a function needs.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from ..image import ImageArgs as ImageArgs
    from .alarms import AlarmTopic as AlarmTopic
    from .autoscaling import Autoscaling as Autoscaling
    from .budget import Budget as Budget
    from .cloud_front import CloudFront as CloudFront
    from .cloud_front import CloudFrontArgs as CloudFrontArgs
    from .dashboard import Dashboard as Dashboard
    from .database import Database as Database
    from .database import DatabaseArgs as DatabaseArgs
    from .database import ExistingDatabase as ExistingDatabase
    from .database_alarms import DatabaseAlarms as DatabaseAlarms
    from .fargate_service import FargateFastAPIService as FargateFastAPIService
    from .fargate_service import FargateFastAPIServiceArgs as FargateFastAPIServiceArgs
    from .function import Function as Function
    from .function import FunctionSize as FunctionSize
    from .function_role import FunctionRole as FunctionRole
    from .function_target import FunctionTarget as FunctionTarget
    from .function_target import FunctionTargetArgs as FunctionTargetArgs
    from .function_url import FunctionUrl as FunctionUrl
    from .http_api import HttpApi as HttpApi
    from .http_api import HttpApiArgs as HttpApiArgs
    from .http_api import JwtAuthorizer as JwtAuthorizer
    from .image import Image as Image
    from .lambda_alarms import EntryAlarms as EntryAlarms
    from .lambda_alarms import LambdaAlarms as LambdaAlarms
    from .lambda_alarms import ReleaseAlarms as ReleaseAlarms
    from .lambda_function import Entry as Entry
    from .lambda_function import LambdaFastAPIFunction as LambdaFastAPIFunction
    from .lambda_function import LambdaFastAPIFunctionArgs as LambdaFastAPIFunctionArgs
    from .load_balancer import Certificate as Certificate
    from .load_balancer import ExistingLoadBalancer as ExistingLoadBalancer
    from .load_balancer import LoadBalancer as LoadBalancer
    from .load_balancer import LoadBalancerArgs as LoadBalancerArgs
    from .load_balancer import Target as Target
    from .load_balancer import TargetArgs as TargetArgs
    from .load_balancer_alarms import LoadBalancerAlarms as LoadBalancerAlarms
    from .load_balancer_alarms import TrafficAlarms as TrafficAlarms
    from .network import ExistingNetwork as ExistingNetwork
    from .network import Network as Network
    from .network import NetworkArgs as NetworkArgs
    from .network import Outbound as Outbound
    from .registry import Registry as Registry
    from .registry import RegistryArgs as RegistryArgs
    from .release import Release as Release
    from .roles import TaskRoles as TaskRoles
    from .schedule import DeadLetters as DeadLetters
    from .schedule import Schedule as Schedule
    from .schedule import ScheduleArgs as ScheduleArgs
    from .secrets import Secrets as Secrets
    from .service_alarms import ServiceAlarms as ServiceAlarms
    from .task import Task as Task
    from .web_acl import WebAcl as WebAcl
    from .web_acl import WebAclArgs as WebAclArgs

_MODULES = {
    "AlarmTopic": ".alarms",
    "Autoscaling": ".autoscaling",
    "Budget": ".budget",
    "Certificate": ".load_balancer",
    "CloudFront": ".cloud_front",
    "CloudFrontArgs": ".cloud_front",
    "Dashboard": ".dashboard",
    "Database": ".database",
    "DatabaseAlarms": ".database_alarms",
    "DatabaseArgs": ".database",
    "DeadLetters": ".schedule",
    "Entry": ".lambda_function",
    "EntryAlarms": ".lambda_alarms",
    "ExistingDatabase": ".database",
    "ExistingLoadBalancer": ".load_balancer",
    "ExistingNetwork": ".network",
    "FargateFastAPIService": ".fargate_service",
    "FargateFastAPIServiceArgs": ".fargate_service",
    "Function": ".function",
    "FunctionRole": ".function_role",
    "FunctionSize": ".function",
    "FunctionTarget": ".function_target",
    "FunctionTargetArgs": ".function_target",
    "FunctionUrl": ".function_url",
    "HttpApi": ".http_api",
    "HttpApiArgs": ".http_api",
    "Image": ".image",
    "ImageArgs": "..image",
    "JwtAuthorizer": ".http_api",
    "LambdaAlarms": ".lambda_alarms",
    "LambdaFastAPIFunction": ".lambda_function",
    "LambdaFastAPIFunctionArgs": ".lambda_function",
    "LoadBalancer": ".load_balancer",
    "LoadBalancerAlarms": ".load_balancer_alarms",
    "LoadBalancerArgs": ".load_balancer",
    "Network": ".network",
    "NetworkArgs": ".network",
    "Outbound": ".network",
    "Registry": ".registry",
    "RegistryArgs": ".registry",
    "Release": ".release",
    "ReleaseAlarms": ".lambda_alarms",
    "Schedule": ".schedule",
    "ScheduleArgs": ".schedule",
    "Secrets": ".secrets",
    "ServiceAlarms": ".service_alarms",
    "Target": ".load_balancer",
    "TargetArgs": ".load_balancer",
    "Task": ".task",
    "TaskRoles": ".roles",
    "TrafficAlarms": ".load_balancer_alarms",
    "WebAcl": ".web_acl",
    "WebAclArgs": ".web_acl",
}
__all__ = sorted(_MODULES)

__getattr__, __dir__ = lazily(__name__, _MODULES)
