import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from closedbook.facts.tokenizers import MASK_ID, PAD_ID
from closedbook.objectives.segments import IGNORED, Spans, render
from closedbook.objectives.span_corruption import longest_cut, span_corruption

FIRST = 100  # every token of the toy documents is different: document tokens start here


def toy(lengths):
    """Documents of the given lengths whose tokens count up from FIRST, so that a token tells where it came from."""
    starts = [2 + sum(lengths[:index]) for index in range(len(lengths))]
    tokens = torch.tensor([PAD_ID, MASK_ID, *range(FIRST, FIRST + sum(lengths))])
    return tokens, Spans(torch.tensor(starts), torch.tensor(lengths))


def rows_of(tokens, documents, *, rows=None, block=128, seed=0, step=0):
    rows = torch.arange(len(documents)) if rows is None else rows
    segments = span_corruption(documents, rows, block=block, seed=seed, step=step)
    return render(tokens, segments, torch.arange(len(rows)), block), segments


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=20),
    block=st.sampled_from([16, 40, 128]),
    seed=st.integers(0, 2**32),
    step=st.integers(0, 1000),
)
def test_segments_recompose_into_the_truncated_line(lengths, block, seed, step):
    tokens, documents = toy(lengths)
    batch, segments = rows_of(tokens, documents, block=block, seed=seed, step=step)
    for row, (start, length) in enumerate(zip(documents.start_R.tolist(), lengths, strict=True)):
        example = [*batch.inputs_BT[row].tolist(), int(batch.targets_BT[row, -1])]
        example = example[: int(segments.lengths()[row])]
        assert example.count(MASK_ID) == 2
        first, second = (index for index, token in enumerate(example) if token == MASK_ID)
        prefix, suffix, span = example[:first], example[first + 1 : second], example[second + 1 :]
        whole = prefix + span + suffix
        assert whole == tokens[start : start + len(whole)].tolist()
        assert min(length, 4) <= len(whole) <= min(length, longest_cut(block))
        assert len(span) >= (1 if len(whole) >= 4 else 0)
        assert len(example) <= block


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_targets_are_inputs_shifted_by_one_and_all_but_padding_counts(seed):
    tokens, documents = toy([50, 3, 0, 200])
    batch, segments = rows_of(tokens, documents, seed=seed)
    assert batch.inputs_BT.shape == batch.targets_BT.shape == (4, 127)
    for row, length in enumerate(segments.lengths().tolist()):
        assert torch.equal(batch.targets_BT[row, : length - 2], batch.inputs_BT[row, 1 : length - 1])
        assert (batch.targets_BT[row, : length - 1] != IGNORED).all()
        assert (batch.targets_BT[row, length - 1 :] == IGNORED).all()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 20, 112])
def test_the_masked_span_averages_a_quarter(length):
    count = 40_000
    documents = Spans(torch.full((count,), 2), torch.full((count,), length))
    segments = span_corruption(documents, torch.arange(count), block=128, seed=1, step=2)
    cut = segments.length_RK[:, [0, 2, 4]].sum(dim=1)
    span = segments.length_RK[:, 4].double()
    error = (span - cut / 4).mean() / ((span - cut / 4).std() / count**0.5 + 1e-12)
    assert abs(float(error)) < 4


def test_every_length_and_place_is_possible():
    count = 60_000
    documents = Spans(torch.full((count,), 2), torch.full((count,), 500))
    segments = span_corruption(documents, torch.arange(count), block=128, seed=0, step=0)
    cut = segments.length_RK[:, [0, 2, 4]].sum(dim=1)
    assert sorted(set(cut.tolist())) == list(range(4, 113))
    short = segments.length_RK[cut == 8]
    assert set(short[:, 4].tolist()) == {1, 2, 3}
    assert {(0, 1), (7, 1), (5, 3)} <= set(map(tuple, short[:, [0, 4]].tolist()))


def test_an_empty_document_becomes_two_masks():
    tokens, documents = toy([0])
    batch, segments = rows_of(tokens, documents)
    assert segments.lengths().tolist() == [2]
    assert batch.inputs_BT[0, :3].tolist() == [MASK_ID, MASK_ID, PAD_ID]
    assert batch.targets_BT[0, :2].tolist() == [MASK_ID, IGNORED]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), step=st.integers(0, 9), rows=st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_any_slice_gives_the_same_examples(seed, step, rows):
    tokens, documents = toy([10 + 3 * index for index in range(40)])
    whole, _ = rows_of(tokens, documents, seed=seed, step=step)
    again, _ = rows_of(tokens, documents, seed=seed, step=step)
    part, _ = rows_of(tokens, documents, rows=torch.tensor(rows), seed=seed, step=step)
    assert torch.equal(whole.inputs_BT, again.inputs_BT)
    assert torch.equal(whole.inputs_BT[rows], part.inputs_BT)
    assert torch.equal(whole.targets_BT[rows], part.targets_BT)


def test_steps_and_seeds_give_other_examples():
    tokens, documents = toy([60] * 30)
    batches = [rows_of(tokens, documents, seed=seed, step=step)[0].inputs_BT for seed in (0, 1) for step in (0, 1)]
    assert all(not torch.equal(a, b) for index, a in enumerate(batches) for b in batches[:index])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; runs wherever there is one")
def test_a_gpu_draws_the_same_batch():
    tokens, documents = toy([60] * 30)
    on_gpu = Spans(documents.start_R.cuda(), documents.length_R.cuda())
    ours, _ = rows_of(tokens, documents)
    segments = span_corruption(on_gpu, torch.arange(30).cuda(), block=128, seed=0, step=0)
    theirs = render(tokens.cuda(), segments, torch.arange(30).cuda(), 128)
    assert torch.equal(ours.inputs_BT, theirs.inputs_BT.cpu())
