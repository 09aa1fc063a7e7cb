"""Write the image's bill of materials (CycloneDX 1.6): Python packages, the interpreter, and Debian packages."""

import json
import platform
import re
from importlib.metadata import distributions
from typing import Any
from urllib.parse import quote

from rootfs import ROOT
from tools import RUNTIME, VENV

FILE = RUNTIME / "sbom.cdx.json"


def component(kind: str, name: str, version: str, url: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "version": version, "purl": url, "bom-ref": url}


def python_packages() -> list[dict[str, Any]]:
    found = []
    for package in distributions(path=[str(path) for path in VENV.glob("lib/python*/site-packages")]):
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        found.append(component("library", name, package.version, f"pkg:pypi/{name}@{quote(package.version)}"))
    return found


def debian_packages() -> list[dict[str, Any]]:
    found = []
    for file in (ROOT / "var/lib/dpkg/status.d").iterdir():
        field = dict(re.findall(r"^(Package|Version|Architecture): (.+)$", file.read_text(), re.MULTILINE))
        url = f"pkg:deb/debian/{field['Package']}@{quote(field['Version'])}?arch={field['Architecture']}"
        found.append(component("library", field["Package"], field["Version"], url))
    return found


def write() -> None:
    """Write it beside the runtime."""
    version = platform.python_version()
    interpreter = component("application", "python", version, f"pkg:generic/python@{version}")
    # Without a serial number and a time, which would make every build another image.
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": sorted([interpreter, *python_packages(), *debian_packages()], key=lambda part: str(part["purl"])),
    }
    FILE.write_text(json.dumps(bill, indent=1) + "\n")
