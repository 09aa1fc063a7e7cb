"""The engine's Python language host, for machines without the official one: runs programs, policy packs and components.

The engine starts it as `pulumi-language-python ENGINE_ADDRESS`, reads a port from the first line it prints, and calls
it over gRPC. What it runs is a process of its own, started through the SDK's `pulumi-language-python-exec`.
"""

import importlib.metadata
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Optional

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

EXECUTOR = "PULUMI_PYTHON_EXECUTOR"
"""Environment variable: the path of `pulumi-language-python-exec`."""
MESSAGE_SHOWN = 32
"""Exit code of a program whose error the engine has shown already."""
WORKERS = 32
"""Calls at the same time: the program, and one that lasts as long as the plugin for each policy pack and component."""
Output = language_pb2.RunPluginResponse


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """What the engine asks of a language."""

    def __init__(self, engine_address: str, executor: Path) -> None:
        self._engine_address = engine_address
        self._executor = executor
        self._running: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: Any) -> Any:
        """The engine says where it listens."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version of the SDK that this host belongs to."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """None beforehand: a program names version and source of a provider when it uses it."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        """The same for engines that do not know packages yet."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """The distributions installed for the program; only those that no other needs unless all are asked for."""
        found = list(importlib.metadata.distributions(path=[str(each) for each in site_packages(request.info)]))
        needed = set() if request.transitiveDependencies else {name for each in found for name in requirements(each)}
        dependencies = [
            language_pb2.DependencyInfo(name=normalized(each.name), version=each.version)
            for each in sorted(found, key=lambda each: each.name.lower())
            if normalized(each.name) not in needed
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """Nothing to ask."""
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: Any) -> Any:
        """The Python that programs run with."""
        return language_pb2.AboutResponse(executable=str(interpreter(request.info)), version=platform.python_version())

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Left to the project's own installer; the official host would run pip or uv here."""
        yield language_pb2.InstallDependenciesResponse(stdout=b"dependencies are left as they are; see make setup\n")

    def Cancel(self, request: Any, context: Any) -> Any:
        """What runs here ends."""
        for process in list(self._running):
            process.terminate()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:
        """Run a program to its end. Its output is this process's output, which the engine shows."""
        refuse_debugger(request, context)
        process = self._start(context, self._program(request), request.info, request.pwd, configuration(request))
        code = self._wait(process)
        if code == MESSAGE_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"Program was ended by {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack or a component provider, and pass on what it prints as it prints it."""
        refuse_debugger(request, context)
        environment = dict(each.split("=", 1) for each in request.env)
        command = plugin_command(request)
        process = self._start(context, command, request.info, request.pwd, environment, subprocess.PIPE)
        yield from stream(process)
        yield Output(exitcode=self._wait(process))

    def _program(self, request: Any) -> list[str]:
        options = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "pwd": request.pwd,
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
        }
        arguments = [part for name, value in options.items() if value for part in (f"--{name}", value)]
        return [str(self._executor), *arguments, request.info.entry_point or ".", *request.args]

    def _start(
        self,
        context: Any,
        command: Sequence[str],
        info: Any,
        folder: str,
        environment: Mapping[str, str],
        output: Optional[int] = None,
    ) -> subprocess.Popen[bytes]:
        python = interpreter(info)
        process = subprocess.Popen(
            [str(python), "-u", *command],
            cwd=folder,
            env={**activated(python), **environment},
            stdout=output,
            stderr=output,
        )
        self._running.add(process)
        context.add_callback(process.terminate)  # the engine has hung up; no effect on a process that has ended
        return process

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait()
        finally:
            self._running.discard(process)


def refuse_debugger(request: Any, context: Any) -> None:
    if request.attach_debugger:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "--attach-debugger needs the official pulumi-language-python")


def options_of(info: Any) -> dict[str, Any]:
    """`runtime.options` in Pulumi.yaml."""
    return dict(json_format.MessageToDict(info.options))


def interpreter(info: Any) -> Path:
    """The Python of the program: the `virtualenv` it names, the nearest `.venv`, or else the one that runs this."""
    root = Path(info.root_directory or info.program_directory or ".")
    named = options_of(info).get("virtualenv")
    environments = [root / str(named)] if named else [folder / ".venv" for folder in (root, *root.parents)]
    pythons = [environment / "bin" / "python" for environment in environments]
    return next((python for python in pythons if python.exists()), Path(sys.executable))


def activated(python: Path) -> dict[str, str]:
    """The environment as `activate` would make it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", EXECUTOR)}
    environment["PATH"] = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
    if (python.parents[1] / "pyvenv.cfg").exists():
        environment["VIRTUAL_ENV"] = str(python.parents[1])
    return environment


def configuration(request: Any) -> dict[str, str]:
    """The stack's configuration, as the SDK reads it."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def plugin_command(request: Any) -> list[str]:
    """How the SDK starts a plugin: a policy pack through its own runner, anything else as a program."""
    program = os.path.normpath(os.path.join(request.info.program_directory, request.info.entry_point or "."))
    if request.kind == "analyzer":
        return ["-m", "pulumi.policy", *request.args, program]
    return [program, *request.args]


def stream(process: subprocess.Popen[bytes]) -> Iterator[Any]:
    """What a process prints, in order, until both of its streams end."""
    lines: SimpleQueue[Optional[Any]] = SimpleQueue()

    def read(source: IO[bytes], wrap: Callable[[bytes], Any]) -> None:
        for line in source:
            lines.put(wrap(line))
        lines.put(None)

    assert process.stdout is not None
    assert process.stderr is not None
    for source, wrap in (
        (process.stdout, lambda line: Output(stdout=line)),
        (process.stderr, lambda line: Output(stderr=line)),
    ):
        threading.Thread(target=read, args=(source, wrap), daemon=True).start()
    for _ in range(2):
        while (line := lines.get()) is not None:
            yield line


def site_packages(info: Any) -> list[Path]:
    """Where the program's distributions are."""
    return sorted(interpreter(info).parents[1].glob("lib/python3*/site-packages"))


def requirements(distribution: importlib.metadata.Distribution) -> set[str]:
    """The names of what a distribution needs, its extras left out."""
    needs = [need for need in distribution.requires or () if "extra ==" not in need]
    return {normalized(re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0]) for need in needs}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wait_for_the_end(ended: threading.Event) -> None:
    """Until a signal, or until the engine is gone: one that was killed tells nobody."""
    engine = os.getppid()
    while not ended.wait(0.2):
        if os.getppid() != engine:
            return


def main() -> None:
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    host = LanguageHost(addresses[-1] if addresses else "", Path(os.environ[EXECUTOR]))
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(port, flush=True)
    wait_for_the_end(ended)
    host.Cancel(None, None)
    server.stop(grace=None)
    time.sleep(0.1)  # for the output of what was ended just now
    os._exit(0)  # threads that still stream must not hold us up


if __name__ == "__main__":
    main()
