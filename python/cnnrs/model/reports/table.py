"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Return the lines of a table.

    The first `left` columns are flush left; the others are flush right if they hold numbers.

    Examples
    --------
    >>> for line in table(("name", "n"), [("first", "1"), ("second", "20")], left=1):
    ...     print(line)
    name     n
    first    1
    second  20
    """
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    numbers = [
        column >= left
        and all(not row[column] or row[column].lstrip("-")[0].isdigit() for row in rows)
        for column in range(len(header))
    ]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in [header, *rows]
    ]
