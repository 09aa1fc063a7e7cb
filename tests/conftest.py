"""Which tests share a worker process: those of one file, and those that use the same folder of this checkout."""

from pathlib import Path

import pytest

_SHARED = {
    "image": "layers",  # one store of them
    "report": "stacks",  # where a plan puts the build context of its image
    "test_readme": "stacks",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = Path(item.path)
        group = _SHARED.get(path.parent.name) or _SHARED.get(path.stem) or path.stem
        item.add_marker(pytest.mark.xdist_group(group))
