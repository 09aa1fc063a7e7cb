"""Plans of the stacks of this repository, in this process."""

import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional

import yaml
from pulumi_fastapi.plan import Plan, Secret, plan

STACKS = Path(__file__).parents[2] / "stacks"
PROJECT = "fastapi-service"
PlanStack = Callable[..., Plan]


def plan_stack(
    stack: str,
    changes: Optional[Mapping[str, Any]] = None,
    *,
    project: str = PROJECT,
    as_stack: Optional[str] = None,
    folder: Path = STACKS,
    preview: bool = False,
) -> Plan:
    """Plan a stack as its file says, with `changes` by path (`{"service.cpu": 512}`) and maybe under other names.

    A key that is changed to None is as if it were not in the file.
    """
    config = decrypted(yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text())["config"])
    config = {key.replace(f"{PROJECT}:", f"{project}:"): value for key, value in config.items()}
    for path, value in (changes or {}).items():
        key, *rest = path.split(".")
        config = changed(config, [key if ":" in key else f"{project}:{key}", *rest], value)
    config = {key: value for key, value in config.items() if value is not None}
    for module in {each.stem for each in folder.glob("*.py")} - {"__main__"}:
        sys.modules.pop(module, None)  # each folder has its own
    return plan(
        lambda: runpy.run_path(str(folder), run_name="__main__"),
        project=project,
        stack=as_stack or stack,
        config=config,
        preview=preview,
    )


def changed(config: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """A copy of `config` with one value set, as `pulumi config set --path` does."""
    key, *rest = path
    return {**config, key: changed(config.get(key) or {}, rest, value) if rest else value}


def decrypted(value: Any) -> Any:
    """What the engine makes of encrypted values, without the key."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return Secret("decrypted-value")
        return {key: decrypted(item) for key, item in value.items()}
    return value
