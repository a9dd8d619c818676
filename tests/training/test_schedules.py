import math

import pytest

from closedbook.training.schedules import cosine, course

POSITIONS = 16_256  # of a full batch of the 2021 recipe
FINAL = 200 * 2938 * 128


def test_cosine_warms_up_peaks_and_ends_at_the_floor():
    rates = [cosine(step, 100, warmup_steps=10, floor=0.1) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert rates[10] == 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_cosine_of_a_training_shorter_than_its_warm_up(steps):
    rates = [cosine(step, steps, warmup_steps=50, floor=0.1) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)


def test_the_courses_warm_up_never_acts():
    assert course(0, final_positions=FINAL, floor=0.1) == 1.0
    assert course(POSITIONS, final_positions=FINAL, floor=0.1) > 0.999


def test_the_courses_cosine_bounces_over_650_epochs():
    epoch = 22 * POSITIONS + 122 * 127

    def rate(epochs):
        return 6e-3 * course(round(epochs * epoch), final_positions=FINAL, floor=0.1)

    assert rate(400) == pytest.approx(6e-3, rel=0.01)
    assert rate(200) == pytest.approx(6e-4)
    assert all(rate(epochs) == pytest.approx(6e-4) for epochs in (605, 620, 640))
    assert rate(650) == pytest.approx(7.2e-4, rel=0.02)


def test_finetuning_stays_near_its_rate():
    positions = 10 * 2000 * 127
    assert course(positions, final_positions=FINAL, floor=0.1) == pytest.approx(1, abs=0.003)


def test_the_formula():
    seen = 40_000_000
    progress = (seen - 10_240) / (FINAL - 10_240)
    assert course(seen, final_positions=FINAL, floor=0.1) == 0.5 * (1 + math.cos(math.pi * progress))
