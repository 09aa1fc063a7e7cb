"""Which tests share a worker process: those of one file, and those that use the same folder of this checkout."""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_SHARED = {
    "image": "layers",  # one store of them
    "report": "stacks",  # where a plan puts the build context of its image
    "test_readme": "stacks",
}


class _ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.split("::")[0])
        return _SHARED.get(path.parent.name) or _SHARED.get(path.stem) or str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _ByFile(config, log)
