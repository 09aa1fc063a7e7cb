"""Which tests share a worker process: those of one file, and all that build images, which share one store of layers."""

from pathlib import Path

import pytest

_TOGETHER = {"image"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.path)
        group = path.parent.name if path.parent.name in _TOGETHER else path.stem
        item.add_marker(pytest.mark.xdist_group(group))
