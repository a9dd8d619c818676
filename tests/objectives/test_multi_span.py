import torch

from closedbook.facts.tokenizers import MASK_ID
from closedbook.objectives.multi_span import MOST_SPANS, longest_document, multi_span
from closedbook.objectives.segments import Spans, render

LENGTHS = [0, 1, 2, 5, 20, 40, 90, 400]
TOKENS = torch.arange(2 + sum(LENGTHS)) + 0  # pad, mask, then every token is its own position


def documents():
    length = torch.tensor(LENGTHS)
    return Spans(2 + length.cumsum(0) - length, length)


def rendered(step, block=128):
    segments = multi_span(documents(), torch.arange(len(LENGTHS)), block=block, seed=3, step=step)
    width = int(segments.lengths().max())
    assert width <= block
    batch = render(TOKENS, segments, torch.arange(len(LENGTHS)), width)
    return [[*batch.inputs_BT[row, :1].tolist(), *batch.targets_BT[row].tolist()] for row in range(len(LENGTHS))]


def test_gaps_and_fillings_together_are_the_document():
    for step in range(20):
        for row, tokens in enumerate(rendered(step)):
            text = [token for token in tokens if token > MASK_ID]
            start, length = int(documents().start_R[row]), min(LENGTHS[row], longest_document(128))
            assert sorted(text) == list(range(start, start + length))


def test_masked_share_and_span_length_are_those_of_t5():
    row, masked, sentinels = 6, [], []
    for step in range(200):
        tokens = [token for token in rendered(step)[row] if token]
        sentinels.append(tokens.count(MASK_ID) // 2)
        text = [token for token in tokens if token > MASK_ID]
        masked.append(len(text) - next(i for i in range(len(text), 0, -1) if text[:i] == sorted(text[:i])))
    assert set(sentinels) == {round(round(0.15 * 90) / 3)}
    assert sum(masked) / len(masked) <= round(0.15 * 90)


def test_examples_are_a_pure_function_and_differ_between_passes():
    assert rendered(1) == rendered(1)
    assert rendered(1) != rendered(2)


def test_the_longest_document_fits():
    assert longest_document(128) + 2 * MOST_SPANS <= 128
