import torch

from closedbook.objectives.segments import IGNORED, Segments, Spans, concatenate, lay_out, render

TOKENS = torch.tensor([0, 1, 10, 11, 12, 13, 14, 15])


def spans(*pairs):
    starts, lengths = torch.tensor(pairs).T
    return Spans(starts, lengths)


def test_rows_are_the_segments_end_to_end_and_targets_the_inputs_shifted_by_one():
    first = spans((2, 2), (5, 1))
    segments = lay_out((first, False), (first.mask(), True), (spans((6, 0), (6, 2)), True))
    batch = render(TOKENS, segments, torch.tensor([0, 1]), 6)
    assert batch.inputs_BT.tolist() == [[10, 11, 1, 0, 0], [13, 1, 14, 15, 0]]
    assert batch.targets_BT.tolist() == [[IGNORED, 1, 0, 0, 0], [1, 14, 15, 0, 0]]


def test_a_width_of_exactly_the_longest_row_needs_no_padding():
    segments = lay_out((spans((2, 3)), True))
    batch = render(TOKENS, segments, torch.tensor([0]), 3)
    assert batch.inputs_BT.tolist() == [[10, 11]]
    assert batch.targets_BT.tolist() == [[11, 12]]


def test_rows_can_repeat_and_come_in_any_order():
    segments = lay_out((spans((2, 1), (3, 2), (4, 3)), True))
    batch = render(TOKENS, segments, torch.tensor([2, 0, 2]), 4)
    assert batch.inputs_BT.tolist() == [[12, 13, 14], [10, 0, 0], [12, 13, 14]]


def test_parts_with_different_numbers_of_segments_are_joined():
    narrow = lay_out((spans((2, 2)), True))
    wide = lay_out((spans((4, 1)), False), (spans((5, 1)), True), (spans((6, 1)), True))
    joined = concatenate([narrow, wide])
    assert isinstance(joined, Segments)
    assert joined.lengths().tolist() == [2, 3]
    batch = render(TOKENS, joined, torch.tensor([0, 1]), 3)
    assert batch.inputs_BT.tolist() == [[10, 11], [12, 13]]
    assert batch.targets_BT.tolist() == [[11, 0], [13, 14]]


def test_no_parts_are_no_examples():
    assert concatenate([]).lengths().tolist() == []
