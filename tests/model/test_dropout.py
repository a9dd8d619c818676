import pytest
import torch

from closedbook.config import ModelConfig
from closedbook.draws import derive
from closedbook.model.dropout import Dropout, drawn_at_once, drawn_by_row, dropping

CONFIG = ModelConfig(layers=2, heads=4, width=32, block=16)
CPU = torch.device("cpu")


def draws(rows=(3, 4), lengths=(9, 5), time=9, counters=(0, 1)):
    return drawn_by_row(CONFIG, torch.tensor(rows), torch.tensor(lengths), time, counters, CPU)


def hashed(rows=(3, 4), lengths=(), time=9, counters=(0, 1)):
    return drawn_at_once(CONFIG, torch.tensor(rows), time, torch.tensor(derive(*counters)))


either = pytest.mark.parametrize("draws", [draws, hashed], ids=["by row", "at once"])


@either
def test_a_rows_draws_do_not_depend_on_its_batch(draws):
    together, alone = draws(), draws(rows=(4,), lengths=(5,), time=5)
    for _ in range(3):
        assert torch.equal(together.like(torch.zeros(2, 9, 32))[1, :5], alone.like(torch.zeros(1, 5, 32))[0])
    for _ in range(2):
        wide, narrow = together.like(torch.zeros(2, 4, 9, 9)), alone.like(torch.zeros(1, 4, 5, 5))
        assert torch.equal(wide[1, :, :5, :5], narrow[0])


@either
def test_other_rows_seeds_and_steps_have_other_draws(draws):
    states = torch.zeros(2, 9, 32)
    first = draws().like(states)
    assert not torch.equal(first[0, :5], first[1, :5])
    assert not torch.equal(first, draws(counters=(1, 1)).like(states))
    assert not torch.equal(first, draws(counters=(0, 2)).like(states))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_about_p_are_dropped_and_the_others_scaled(p):
    config = ModelConfig(layers=1, heads=4, width=1024, block=128)
    layer, rows = Dropout(p).train(), torch.arange(8)
    for drawn in (
        drawn_by_row(config, rows, torch.full((8,), 100), 100, (0,), CPU),
        drawn_at_once(config, rows, 100, torch.tensor(0)),
    ):
        with dropping(drawn):
            x, weights = layer(torch.ones(8, 100, 1024)), layer(torch.ones(8, 4, 100, 100))
        for values in (x, weights):
            assert (values == 0).float().mean() == pytest.approx(p, abs=0.003)
            assert torch.allclose(values[values != 0], torch.tensor(1 / (1 - p)))
            assert values.mean() == pytest.approx(1, abs=0.01)
        kept = (x[..., 1:] != 0).float(), (x[..., :-1] != 0).float()
        assert torch.corrcoef(torch.stack([part.flatten() for part in kept]))[0, 1].abs() < 0.01  # neighbours


def test_padding_is_kept_and_nothing_is_dropped_outside_training():
    layer = Dropout(0.5).train()
    with dropping(draws()):
        assert (layer(torch.ones(2, 9, 32))[1, 5:] == 2).all()
    assert torch.equal(layer.eval()(torch.ones(3)), torch.ones(3))


def test_a_compiled_model_has_no_break_at_dropout():
    layer = torch.compile(Dropout(0.5).train(), fullgraph=True, backend="eager")
    with dropping(draws()):
        assert 0 < (layer(torch.ones(2, 9, 32)) == 0).float().mean() < 1


def test_without_draws_the_global_generator_is_drawn_from():
    layer, x = Dropout(0.5).train(), torch.ones(1000)
    torch.manual_seed(0)
    first = layer(x)
    torch.manual_seed(0)
    assert torch.equal(first, layer(x))
    assert 400 < (first == 0).sum() < 600
