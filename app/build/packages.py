"""Install the Debian packages that the app needs, and remember which files of them belong into the image.

Build arguments: SYSTEM_PACKAGES, wanted at run time, and BUILD_PACKAGES, wanted to install dependencies (git, a
compiler); binutils always comes along, for `strip`.
"""

import json
import os
from pathlib import Path

from tools import run, words

FILES = Path("/build/system-files.json")
HINTS = {"Unable to locate package|no installation candidate": "Give names of Debian packages: packages.debian.org."}
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/", "/usr/share/lintian/")


def installed() -> set[str]:
    return set(run("dpkg-query", "--show", "--showformat", "${binary:Package}\n").split())


def install(packages: list[str]) -> None:
    run("apt-get", "install", "--yes", "--no-install-recommends", "--", *packages, hints=HINTS)


def main() -> None:
    system, build = words("SYSTEM_PACKAGES"), words("BUILD_PACKAGES")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    files: list[str] = []
    run("apt-get", "update", "--quiet", "--quiet")
    if system:
        before = installed()
        install(system)
        # Those that were there already come along, too, when they are asked for by name.
        named = {package for package in installed() if package.partition(":")[0] in system}
        for package in sorted((installed() - before) | named):
            listed = run("dpkg-query", "--listfiles", package).splitlines()
            files += [path for path in listed if not path.startswith(LEFT_OUT) and not Path(path).is_dir()]
    install(["binutils", *build])
    FILES.write_text(json.dumps(files))


if __name__ == "__main__":
    main()
