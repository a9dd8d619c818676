"""How thorough the tests are, and what every process of them begins with."""

import gc
import os
import shutil
import sys
import zlib

import pytest

HANDED_OUT = any(one.startswith("-n") for one in sys.argv) and not {"-n0", "0"} & {*sys.argv}
if "PYTEST_XDIST_WORKER" in os.environ or not HANDED_OUT:
    import tests.toys  # noqa: F401, before anything of the package; who only hands tests out need not wait for torch


def pytest_addoption(parser: pytest.Parser) -> None:
    """How thorough the tests of faults are."""
    parser.addoption("--every", type=int, default=96, help="kill at every Nth file operation (default: 96)")
    parser.addoption("--share", default="1/1", help="K/N: of the slow tests the Kth of N shares alone (default: 1/1)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """What many tests share, where tests run."""
    if not config.getoption("tx", None) or hasattr(config, "workerinput"):
        import tests.toys

        config.pluginmanager.register(tests.toys, "tests.toys")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the slow tests and of strange inputs a share, which is a matter of their names."""
    number, count = map(int, config.getoption("--share").split("/"))
    taken, left = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        long = item.get_closest_marker("slow") or item.get_closest_marker("fuzz")
        others = long and zlib.crc32(item.nodeid.encode()) % count != number % count
        (left if others else taken).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = taken


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def every(request: pytest.FixtureRequest) -> int:
    return request.config.getoption("--every")


@pytest.fixture(scope="session")
def chromium():
    """A real browser, one a process of tests."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install 'closedbook[test]'"
    )
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine: apt install chromium, or say where it is in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
