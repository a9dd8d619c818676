"""How much is tried: a minute in all by `make fuzz`, or as long as one likes with `--hypothesis-profile=long`."""

from hypothesis import HealthCheck, Phase, settings

QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("quick", max_examples=250, derandomize=True, database=None, **QUICK)
settings.register_profile(
    "long", max_examples=20_000, phases=(Phase.explicit, Phase.generate, Phase.target, Phase.shrink), **QUICK
)


def pytest_configure(config):
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("quick")
