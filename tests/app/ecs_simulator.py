"""ECS with real processes: starts the versions of an app, asks for readiness, moves traffic, stops what has to go.

It follows the orders that the ECS Developer Guide describes, by the same ladder that the components deploy with.
"""

import math
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from launcher import Server
from pulumi_fastapi.timeouts import TimeoutLadder
from test_runtime_balanced import Balancer

_TICK = 0.05


@dataclass
class Task:
    """One task, as the target group and ECS see it."""

    server: Server
    times: TimeoutLadder
    began: float = field(default_factory=time.monotonic)
    passed: int = 0
    missed: int = 0
    healthy: bool = False
    _next: float = 0

    def check(self) -> None:
        """A health check, when one is due."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self.times.health_interval
        if self._is_ready():
            self.passed, self.missed = self.passed + 1, 0
            self.healthy = self.healthy or self.passed >= self.times.healthy_threshold
        else:
            self.passed, self.missed = 0, self.missed + 1

    @property
    def failed(self) -> bool:
        """Whether ECS replaces it: it ended, or failed its checks once it had the time to start."""
        if self.server.process.poll() is not None:
            return True
        late = self.healthy or time.monotonic() - self.began > self.times.grace
        return late and self.missed >= self.times.unhealthy_threshold

    def _is_ready(self) -> bool:
        with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=self.times.health_timeout)) as connection:
            try:
                connection.request("GET", "/-/ready")
                return connection.getresponse().status == 200
            except (OSError, HTTPException):
                return False


@dataclass(frozen=True)
class Outcome:
    """How a deploy ended."""

    completed: bool
    """Whether the new version runs; else the old one does."""
    seconds: float


class Ecs:
    """A service whose tasks are processes."""

    def __init__(
        self, balancer: Balancer, times: TimeoutLadder, count: int, start: Callable[[str], Server], code: str
    ) -> None:
        self._balancer, self._times, self._count, self._start = balancer, times, count, start
        self.tasks = self._started(code)
        while not all(task.healthy for task in self.tasks):
            self._check(self.tasks)
        self._send_to(self.tasks)

    def rolling(self, code: str) -> Outcome:
        """ROLLING with 100 and 200 %: new tasks get traffic as they get healthy, then the old ones go."""
        began, new = time.monotonic(), self._started(code)
        old, failures, serving = self.tasks, 0, 0
        while serving < self._count:
            self._check(new)
            for task in [each for each in new if each.failed]:
                failures += 1
                if failures >= max(3, math.ceil(self._count / 2)):  # the circuit breaker
                    self._send_to(old)
                    self._stop(new)
                    return Outcome(False, time.monotonic() - began)
                new.remove(task)
                self._stop([task])
                new += self._started(code, 1)
            healthy = [task for task in new if task.healthy]
            if len(healthy) != serving:
                serving = len(healthy)
                self._send_to([*old, *healthy])
        self._send_to(new)
        self._stop(old)
        self.tasks = new
        return Outcome(True, time.monotonic() - began)

    def blue_green(self, code: str, bake: float, alarm: Callable[[], bool] = lambda: False) -> Outcome:
        """BLUE_GREEN: all traffic moves at once to a full second set; an alarm or a failed task moves it back."""
        began, green, blue = time.monotonic(), self._started(code), self.tasks
        while not all(task.healthy for task in green):
            self._check(green)
            if any(task.failed for task in green):
                self._stop(green)
                return Outcome(False, time.monotonic() - began)
        self._send_to(green)
        baked = time.monotonic() + bake
        while time.monotonic() < baked:
            self._check(green)
            if alarm() or any(task.failed for task in green):
                self._send_to(blue)
                self._stop(green)
                return Outcome(False, time.monotonic() - began)
        self._stop(blue)
        self.tasks = green
        return Outcome(True, time.monotonic() - began)

    def _started(self, code: str, count: int | None = None) -> list[Task]:
        return [Task(self._start(code), self._times) for _ in range(count or self._count)]

    def _check(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            task.check()
        time.sleep(_TICK)

    def _send_to(self, tasks: Sequence[Task]) -> None:
        self._balancer.use(*(task.server for task in tasks))

    def _stop(self, tasks: Sequence[Task]) -> None:
        """Let those that get no traffic any more drain, then SIGTERM, and SIGKILL after the stop timeout."""
        running = [task.server.process for task in tasks if task.server.process.poll() is None]
        if running:
            time.sleep(self._times.drain)
        for process in running:
            process.terminate()
        killed = time.monotonic() + self._times.stop
        for process in running:
            try:
                process.wait(max(0, killed - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
