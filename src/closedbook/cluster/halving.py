"""Ray Tune's successive halving; imported behind `on_ray`, whose settings Ray reads when it is imported."""

from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, TrialScheduler

FIRST_RUNG, REDUCTION = 11, 3  # percent of a training: decided at 11, 33 and 99


class RayHalving:
    """Ray Tune's ASHA; see `closedbook.cluster.pool.Halving`."""

    def __init__(self) -> None:
        self._scheduler: Any = ASHAScheduler(  # of what its methods take it uses a name and two figures
            time_attr="percent",
            metric="value",
            mode="max",
            max_t=100,
            grace_period=FIRST_RUNG,
            reduction_factor=REDUCTION,
        )
        self._trials: dict[str, _Trial] = {}

    def goes_on(self, name: str, percent: int, value: float) -> bool:
        if name not in self._trials:
            self._trials[name] = _Trial(name)
            self._scheduler.on_trial_add(None, self._trials[name])
        decided = self._scheduler.on_trial_result(None, self._trials[name], {"percent": percent, "value": value})
        return percent >= 100 or decided != TrialScheduler.STOP


@dataclass(frozen=True)
class _Trial:
    """What a scheduler wants to know of a training."""

    trial_id: str
