"""Pulumi components that take any FastAPI app to production.

Names are imported when they are first used: a program for one cloud never loads the SDK of another.
"""

from typing import TYPE_CHECKING

from .lazy import lazily

if TYPE_CHECKING:
    from .app import FastAPIApp as FastAPIApp
    from .aws.fargate_service import FargateFastAPIService as FargateFastAPIService
    from .aws.fargate_service import FargateFastAPIServiceArgs as FargateFastAPIServiceArgs
    from .aws.lambda_function import LambdaFastAPIFunction as LambdaFastAPIFunction
    from .aws.lambda_function import LambdaFastAPIFunctionArgs as LambdaFastAPIFunctionArgs
    from .build import Build as Build
    from .connection_pool import ConnectionPool as ConnectionPool
    from .errors import ArgumentError as ArgumentError
    from .gcp.cloud_run_service import CloudRunFastAPIService as CloudRunFastAPIService
    from .gcp.cloud_run_service import CloudRunFastAPIServiceArgs as CloudRunFastAPIServiceArgs
    from .timeouts import Timeouts as Timeouts

_MODULES = {
    "ArgumentError": ".errors",
    "Build": ".build",
    "CloudRunFastAPIService": ".gcp.cloud_run_service",
    "CloudRunFastAPIServiceArgs": ".gcp.cloud_run_service",
    "ConnectionPool": ".connection_pool",
    "FargateFastAPIService": ".aws.fargate_service",
    "FargateFastAPIServiceArgs": ".aws.fargate_service",
    "FastAPIApp": ".app",
    "LambdaFastAPIFunction": ".aws.lambda_function",
    "LambdaFastAPIFunctionArgs": ".aws.lambda_function",
    "Timeouts": ".timeouts",
}
__all__ = sorted(_MODULES)

__getattr__, __dir__ = lazily(__name__, _MODULES)
