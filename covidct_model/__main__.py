"""``python -m covidct_model``, for torchrun."""

from covidct_model.cli import main

main()
