"""Pulumi components that take any FastAPI app to production.

Names are imported when they are first used: a program for one cloud never loads the SDK of another.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import FastAPIApp as FastAPIApp
    from .aws.fargate_service import FargateFastAPIService as FargateFastAPIService
    from .aws.fargate_service import FargateFastAPIServiceArgs as FargateFastAPIServiceArgs
    from .build import Build as Build
    from .connection_pool import ConnectionPool as ConnectionPool
    from .errors import ArgumentError as ArgumentError
    from .timeouts import Timeouts as Timeouts

_MODULES = {
    "ArgumentError": ".errors",
    "Build": ".build",
    "ConnectionPool": ".connection_pool",
    "FargateFastAPIService": ".aws.fargate_service",
    "FargateFastAPIServiceArgs": ".aws.fargate_service",
    "FastAPIApp": ".app",
    "Timeouts": ".timeouts",
}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
