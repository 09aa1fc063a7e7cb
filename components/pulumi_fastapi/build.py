"""How the image of an app is built: what cannot be read from the app's own files."""

from dataclasses import dataclass, field, fields
from typing import Optional

from pulumi import Input

from .errors import ArgumentError
from .validation import check_fields, matches, one_of

BASES = {
    "3.11": "docker.io/library/python:3.11.15-slim-trixie",
    "3.12": "docker.io/library/python:3.12.13-slim-trixie",
    "3.13": "docker.io/library/python:3.13.15-slim-trixie",
    "3.14": "docker.io/library/python:3.14.8-slim-trixie",
}
"""The image that an app of each Python is built from; the runtime itself comes without a base image."""

_PATH = r"(?!/)(?!(.*/)?\.\.(/|$))[^\0]+"
_PACKAGE = r"[a-z0-9][a-z0-9.+-]*"
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True, kw_only=True)
class Build:
    """How to build the image of an app; nothing has to be said for a project of uv, Poetry, pip or plain pyproject."""

    directory: str = "."
    """Directory inside `source` that the app starts in. Its dependency files are there or above. Default: `source`
    itself."""
    python: Optional[str] = None
    """`3.11` to `3.14`. Default: `.python-version`, else the newest of 3.13, 3.14, 3.12, 3.11 that `requires-python`
    allows."""
    requirements: Optional[str] = None
    """Requirement file or `pylock.*.toml`, relative to `source`, that counts whatever other dependency files there are.
    Default: uv.lock, poetry.lock, pylock.toml, requirements.txt, pyproject.toml, the first there is."""
    extras: Optional[list[str]] = None
    """Optional dependencies of the project to install too."""
    groups: Optional[list[str]] = None
    """Dependency groups of the project to install too. Default: none of them, `dev` neither."""
    constraints: Optional[str] = None
    """File, relative to `source`, with the highest versions that dependencies without a lock may have."""
    runtime_extras: Optional[list[str]] = None
    """Extras of the runtime, for what its pieces or switches import: `database`, `cache`, `sentry`, `opentelemetry` and
    so on. The bundled app gets all of them."""
    system_packages: Optional[list[str]] = None
    """Debian packages that the app needs at run time, such as `libpango-1.0-0`."""
    build_packages: Optional[list[str]] = None
    """Debian packages to install dependencies with, such as `git`; they are not in the image."""
    extra_files: Optional[dict[str, str]] = None
    """Files from outside of `source`: path in the image's copy of `source` to path on this machine."""
    environment: Optional[dict[str, str]] = None
    """Variables for the import that ends the build, beside those of the app: for one that checks at import what only
    the cloud knows, a secret or an Output. These are `placeholder` there."""
    secrets: Optional[dict[str, Input[str]]] = field(default=None, repr=False, metadata={"secret": True})
    """Variables for the installers, such as `UV_INDEX_PRIVATE_PASSWORD`. They are in no layer of the image."""
    dockerfile: Optional[str] = None
    """Dockerfile of your own, relative to `source`, which is its context. Nothing else here counts then."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.dockerfile is not None:
            self._check_alone()
        for name in ("directory", "requirements", "constraints", "dockerfile"):
            matches(name, getattr(self, name), _PATH, "a path inside source, without '..'")
        if self.python is not None:
            one_of("python", self.python, BASES)
        for name, pattern, meaning in (
            ("extras", _NAME, "the name of an extra"),
            ("groups", _NAME, "the name of a group"),
            ("runtime_extras", _NAME, "the name of an extra"),
            ("system_packages", _PACKAGE, "the name of a Debian package"),
            ("build_packages", _PACKAGE, "the name of a Debian package"),
        ):
            for index, value in enumerate(getattr(self, name) or ()):
                matches(f"{name}[{index}]", value, pattern, meaning)
        for path in self.extra_files or ():
            matches("extra_files key", path, _PATH, "a path inside the image's copy of source, without '..'")
        for name in ("environment", "secrets"):
            for variable in getattr(self, name) or ():
                matches(f"{name} variable", variable, _VARIABLE, "a name of letters, digits and underscores")

    def _check_alone(self) -> None:
        for other in fields(self):
            if other.name != "dockerfile" and getattr(self, other.name) != other.default:
                raise ArgumentError(
                    other.name,
                    "[secret]" if other.metadata.get("secret") else getattr(self, other.name),
                    f"is of no use with dockerfile={self.dockerfile!r}, which decides everything; keep one",
                )
