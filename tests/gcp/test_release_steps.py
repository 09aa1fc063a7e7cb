"""The order of a release, on a stack and a service in memory that behave as Cloud Run's traffic does."""

from collections.abc import Callable
from datetime import datetime

import pytest
from pulumi_fastapi.deploy.gate import Gate, Observed
from pulumi_fastapi.deploy.google import Revision
from pulumi_fastapi.deploy.release import Release
from pulumi_fastapi.deploy.steps import DeployFailed, Releaser
from pulumi_fastapi.deploy.strategies import ReleaseStrategy

CANARY = ReleaseStrategy.CANARY


class Shop:
    """A program with one service; revisions come into being by updates."""

    def __init__(self, *revisions: str) -> None:
        self.made = list(revisions)
        self.program = revisions[-1]
        self.step: Release | None = None
        self.shares: dict[str, int] = {revisions[-1]: 100}
        self.updates: list[tuple[str, dict[str, int], bool]] = []
        self.seen: Callable[[str], Observed] = lambda _: Observed(requests=100, latency=0.1)
        self.fails_at: Callable[[], bool] = lambda: False

    def release(self) -> Release | None:
        return self.step

    def set_release(self, release: Release | None) -> None:
        self.step = release

    def up(self, message: str, *, traffic_only: bool = False) -> None:
        if self.fails_at():
            raise DeployFailed(f"the engine failed: {message}")
        if self.program not in self.made:
            self.made.append(self.program)
        traffic = self.step.traffic(self.program) if self.step else [{"revision": self.program, "percent": 100}]
        self.shares = {each["revision"]: each["percent"] for each in traffic}
        self.updates.append((message, self.shares, traffic_only))

    def revision(self) -> str:
        return self.program

    def serving(self) -> str | None:
        return max(self.shares, key=lambda each: self.shares[each], default=None)

    def revisions(self) -> list[Revision]:
        return [Revision(name=name, image=f"image-of-{name}", ready=True) for name in reversed(self.made)]

    def observe(self, revision: str, since: datetime) -> Observed:
        return self.seen(revision)


def releaser(shop: Shop, smoke_test: Callable[[], None] = lambda: None) -> Releaser:
    return Releaser(stack=shop, cloud=shop, gate=Gate(), bake_seconds=0, smoke_test=smoke_test, say=lambda _: None)


@pytest.fixture
def shop() -> Shop:
    """Three releases were made; the program says the fourth."""
    made = Shop("shop-1", "shop-2", "shop-3")
    made.program = "shop-4"
    return made


def test_the_traffic_moves_in_steps_after_an_update_without_it(shop: Shop) -> None:
    asked: list[dict[str, int]] = []
    outcome = releaser(shop, lambda: asked.append(dict(shop.shares))).release(CANARY, [10, 100])
    assert outcome.result == "released"
    assert asked == [{"shop-3": 100, "shop-4": 0}]
    assert [(shares.get("shop-4"), only) for _, shares, only in shop.updates] == [
        (0, False),
        (10, True),
        (100, True),
        (100, True),
    ]
    assert shop.step is None


def test_a_candidate_that_fails_its_smoke_test_gets_nothing(shop: Shop) -> None:
    def broken() -> None:
        raise DeployFailed("answers 500")

    outcome = releaser(shop, broken).release(CANARY, [10, 100])
    assert (outcome.result, outcome.reason) == ("went back", "answers 500")
    assert all(shares["shop-3"] == 100 for _, shares, _ in shop.updates)


def test_a_candidate_that_errs_loses_its_share(shop: Shop) -> None:
    shop.seen = lambda _: Observed(requests=100, errors=2)
    outcome = releaser(shop).release(CANARY, [10, 100])
    assert outcome.result == "went back"
    assert shop.shares == {"shop-3": 100, "shop-4": 0}
    # A plain update keeps it so.
    shop.up("plain")
    assert shop.shares == {"shop-3": 100, "shop-4": 0}


def test_when_going_back_fails_too_it_says_who_may_have_the_traffic(shop: Shop) -> None:
    shop.seen = lambda _: Observed(requests=100, errors=2)
    shop.fails_at = lambda: len(shop.updates) == 2
    with pytest.raises(DeployFailed, match=r"at 10 %: 2 % .* going back failed too, so shop-4 may have traffic"):
        releaser(shop).release(CANARY, [10, 100])


@pytest.mark.parametrize("crash", range(1, 5))
def test_wherever_it_crashes_the_same_again_finishes_it(shop: Shop, crash: int) -> None:
    shop.fails_at = lambda: len(shop.updates) == crash - 1
    with pytest.raises(DeployFailed):
        releaser(shop).release(CANARY, [50, 100])
    shop.fails_at = lambda: False
    assert releaser(shop).release(CANARY, [50, 100]).result in ("released", "unchanged")
    assert shop.shares["shop-4"] == 100
    assert shop.step is None


def test_it_goes_on_with_the_step_after(shop: Shop) -> None:
    shop.step = Release(stable="shop-3", candidate="shop-4", percent=50)
    smoked: list[str] = []
    outcome = releaser(shop, lambda: smoked.append("again")).release(CANARY, [10, 50, 100])
    assert [each["percent"] for each in outcome.steps] == [100]
    assert smoked == []


def test_another_program_starts_from_the_beginning(shop: Shop) -> None:
    shop.step = Release(stable="shop-3", candidate="shop-4", percent=50)
    shop.program = "shop-5"
    outcome = releaser(shop).release(CANARY, [10, 100])
    assert shop.updates[0][1] == {"shop-3": 100, "shop-5": 0}
    assert [each["percent"] for each in outcome.steps] == [10, 100]


def test_a_program_that_changes_meanwhile_goes_back(shop: Shop) -> None:
    def edit() -> None:
        shop.program = "shop-5"

    outcome = releaser(shop, edit).release(CANARY, [10, 100])
    assert outcome.reason == "the program has changed meanwhile: it asks for shop-5"
    assert shop.shares == {"shop-3": 100, "shop-5": 0}


def test_a_rollback_in_the_middle_gives_the_stable_one_everything(shop: Shop) -> None:
    shop.step = Release(stable="shop-3", candidate="shop-4", percent=10)
    shop.up("10 %")
    releaser(shop).roll_back()
    assert shop.shares == {"shop-3": 100, "shop-4": 0}


def test_a_rollback_afterwards_goes_to_the_one_before_and_once_more_to_the_one_before_that(shop: Shop) -> None:
    shop.up("rolling")
    releaser(shop).roll_back()
    assert shop.shares["shop-3"] == 100
    releaser(shop).roll_back()
    assert shop.shares["shop-2"] == 100


def test_a_rollback_to_nothing_names_what_there_is() -> None:
    with pytest.raises(DeployFailed, match="there is no older revision with another image; there are: shop-1"):
        releaser(Shop("shop-1")).roll_back()
    with pytest.raises(DeployFailed, match="there is no revision shop-9; there are: shop-1"):
        releaser(Shop("shop-1")).roll_back("shop-9")
