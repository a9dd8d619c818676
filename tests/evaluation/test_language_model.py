"""A part of a response is written by some of its tokens."""

from closedbook.evaluation.language_model import Response


def said(*pieces):
    nats = tuple(-float(number) for number in range(1, len(pieces) + 1))
    text = "".join(pieces).strip()
    return Response(text=text, ids=tuple(range(len(pieces))), token_nats=nats, closed=True, pieces=pieces)


def part(response, words):
    start = response.text.index(words)
    return response.part(start, start + len(words))


def test_the_tokens_of_a_part_are_those_that_overlap_it():
    response = said(" The", " capital", " is", " Abu", " Dh", "abi", ".", "")
    assert part(response, "Abu Dhabi") == (-4.0, -5.0, -6.0)
    assert part(response, "capital") == (-2.0,)
    assert response.part(0, len(response.text)) == response.token_nats


def test_tokens_that_begin_a_character_count_with_the_one_that_ends_it():
    assert part(said("It", " is", "", " É", "mile"), "Émile") == (-3.0, -4.0, -5.0)
    assert part(said("It", " is", "", " É", "mile"), "is") == (-2.0,)


def test_without_pieces_the_whole_is_meant():
    response = Response(text="Rome", ids=(1, 2), token_nats=(-1.0, -2.0), closed=True)
    assert response.part(0, 2) == (-1.0, -2.0)
    assert Response(text="Rome", ids=(), token_nats=None, closed=True).part(0, 2) is None
