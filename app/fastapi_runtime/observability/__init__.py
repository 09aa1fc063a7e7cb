"""Logs, metrics, traces and errors of the process, for the operator and for the app's own code."""

from .metrics import PoolUse, register_pool

__all__ = ["PoolUse", "register_pool"]
