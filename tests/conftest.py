"""What every test gets: the same examples on each run, no settings of the operator, no leaks."""

import gc
import os
import re
import signal

import pytest
from hypothesis import settings
from tests.support.nursery import voice

pytest_plugins = ("tests.support.leaks", "tests.support.no_skips")

OURS = ("CHIMERA_TEST_", "CHIMERA_REQUIRE_ALL")

# "gate" draws the same examples on every run; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("gate", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# A developer's own settings (a Temporal address, a database) must not steer the tests.
for name in [n for n in os.environ if n.startswith("CHIMERA_") and not n.startswith(OURS)]:
    del os.environ[name]
os.environ["CHIMERA_SERVER"] = "local"  # nor where that developer is logged in
# Some two hundred small Temporal servers are started; their memory is seldom worth a search.
os.environ.setdefault("GOGC", "400")

# Tests started in the background, or by nohup, feel a signal, they and all that they start.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual)


# As the command does: thousands of tests and all of the code are objects that stay.
gc.set_threshold(50_000, 20, 20)


# What takes minutes, the longest first: begun last, one worker would be busy with it alone. What
# waits for AWS lies between what computes.
LONG = (
    "tests/e2e/test_demo",
    "tests/compose",
    "tests/docs/test_ecs_tutorial",
    "tests/e2e/aws",
    "tests/platforms/aws/test_rollout",
    "tests/web/wizard/test_in_a_browser",
    "tests/examples",
    "tests/e2e",
    "tests/platforms/aws",
    "tests/contracts",
    "tests/web/test_live",
    "tests/web/test_looks",
    "tests/engine",
)
# These wait most of their time. A worker for each of them shares one practice range and its stacks;
# were they spread over all workers, all would wait at once, each beside a range of its own.
LANES = {
    "rollouts": r"platforms/aws/test_rollout",
    "starts": r"platforms/aws/test_(alb|appmesh|gaps|kinds|setup|starts)",
    "refusals": r"platforms/aws/",
    "alb": r"contracts/.*\Wecs-alb\W",
    "mesh": r"contracts/.*\Wecs-appmesh\W",
}


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Give what belongs in a lane a worker, unless it has one of its own."""
    lane = next((name for name, of in LANES.items() if re.search(of, item.nodeid)), "")
    if lane and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(f"lane-{lane}"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    found = (n for n, start in enumerate(LONG) if item.nodeid.startswith(start))
    return next(found, len(LONG))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    voice.close()
    # pytest collects garbage five times yet, each time through all that was loaded.
    pytest_collection_finish()
