"""The assignment problem: each row one column, no column twice, at the least total cost.

The Hungarian method with potentials (Kuhn 1955, in the cubic form of Jonker and Volgenant 1987). A page has a
handful of captions and pictures; scipy, which has this too, takes longer to import than a paper to read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[int | None]:
    """The column of each row, None for the rows that are left when there are fewer columns.

    ``costs`` has rows of one length; a pair that must not be costs more than all others together.
    """
    if not costs or not costs[0]:
        return [None] * len(costs)
    if len(costs) > len(costs[0]):
        rows = assign(list(zip(*costs, strict=True)))
        found: list[int | None] = [None] * len(costs)
        for column, row in enumerate(rows):
            if row is not None:
                found[row] = column
        return found
    height, width = len(costs), len(costs[0])
    # row and column 0 stand for "none"; owner[c] is the row that column c is given to
    row_price, column_price = [0.0] * (height + 1), [0.0] * (width + 1)
    owner, before = [0] * (width + 1), [0] * (width + 1)
    for row in range(1, height + 1):
        owner[0], column = row, 0
        slack, seen = [math.inf] * (width + 1), [False] * (width + 1)
        while owner[column]:
            seen[column] = True
            at, step, nearest = owner[column], math.inf, 0
            for c in range(1, width + 1):
                if not seen[c]:
                    reduced = costs[at - 1][c - 1] - row_price[at] - column_price[c]
                    if reduced < slack[c]:
                        slack[c], before[c] = reduced, column
                    if slack[c] < step:
                        step, nearest = slack[c], c
            for c in range(width + 1):
                if seen[c]:
                    row_price[owner[c]] += step
                    column_price[c] -= step
                else:
                    slack[c] -= step
            column = nearest
        while column:
            owner[column], column = owner[before[column]], before[column]
    found = [None] * height
    for column in range(1, width + 1):
        if owner[column]:
            found[owner[column] - 1] = column - 1
    return found
