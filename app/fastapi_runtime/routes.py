"""The template of the route that answered, such as `/items/{id}`, which logs and metrics can be grouped by."""

from collections.abc import Mapping
from typing import Any

NO_ROUTE = "(none)"
OTHER = "(other)"
_MOST_TEMPLATES = 500


class RouteNames:
    """Names routes by template. There are never more than 500 names, however many paths are asked for."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def name(self, scope: Mapping[str, Any]) -> str:
        """The template for a scope as the app left it."""
        template = _template(scope)
        if template not in self._known:
            if len(self._known) >= _MOST_TEMPLATES:
                return OTHER
            self._known.add(template)
        return template


def _template(scope: Mapping[str, Any]) -> str:
    # Newer FastAPI keeps the prefixes of included routers beside the route.
    included = scope.get("fastapi") or {}
    route = included.get("effective_route_context") or scope.get("route")
    path = getattr(route, "path", None)
    prefix = ""
    if "app_root_path" in scope:  # went through a mount; root_path holds the values of its parameters
        prefix = _without_values(scope["root_path"].removeprefix(scope["app_root_path"]), scope)
    if path is not None:
        return prefix + path if prefix else str(path)
    if prefix:
        return f"{prefix}/*"
    if "endpoint" in scope:  # a plain Starlette route, such as the documentation's
        return _without_values(scope["path"], scope)
    return NO_ROUTE


def _without_values(path: str, scope: Mapping[str, Any]) -> str:
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in path.split("/")) if names else path
