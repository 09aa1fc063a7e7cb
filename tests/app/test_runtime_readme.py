"""What `app/README.md` says about the runtime is so."""

import re
from dataclasses import fields

from fastapi_runtime.settings import Settings
from launcher import APP, Launch

SECTION = (APP / "README.md").read_text().split("\n## Runtime\n")[1].split("\n## ")[0]


def test_the_health_check_of_the_readme_decides_about_readiness(launch: Launch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.S)
    server = launch(code.replace("5672", "1"), wait=False)
    answer = server.until_status("/-/ready", 503).json()
    assert answer["status"] == "not ready"
    assert "refused" in answer["reasons"]["broker"].lower()


def test_every_setting_is_in_the_readme() -> None:
    source = (APP / "fastapi_runtime" / "settings.py").read_text()
    documented = set(re.findall(r'^    """`([A-Z_]+)`', source, re.M))
    assert len(documented) == len(fields(Settings))
    assert documented - {"DATABASE_HOST", "DATABASE_PORT"} <= set(re.findall(r"`([A-Z_]+)`", SECTION))
