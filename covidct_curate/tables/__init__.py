"""Tables of other people: Excel workbooks and text with separators, every cell as text, as a person sees it.

Nothing is guessed into numbers or dates: ``2020.10`` stays ``2020.10``, ``007`` stays ``007``, a blank is ``""``.
"""

from covidct_curate.tables.grids import fold as fold
from covidct_curate.tables.table import TOP as TOP
from covidct_curate.tables.table import Table as Table
from covidct_curate.tables.table import first_bytes as first_bytes
from covidct_curate.tables.table import is_workbook as is_workbook
from covidct_curate.tables.table import read_table as read_table
