import os

import pytest

from closedbook.errors import UserError
from closedbook.facts.parallel import map_ordered


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(map_ordered(abs, range(-9, 0), workers)) == [*range(9, 0, -1)]


def test_a_process_that_ends_gets_a_sentence():
    with pytest.raises(UserError, match="want of memory"):
        list(map_ordered(os._exit, [1, 1, 1], 2))
