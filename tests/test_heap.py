"""Memory that is kept: what was freed comes back without the kernel."""

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, sys
import numpy as np
from covidct_model.heap import keep_freed
if sys.argv[1] == "keep":
    assert keep_freed()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(64 * 2**20, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_second_allocation_of_the_same_size_costs_no_page_faults() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", PAGES, how], capture_output=True, check=True).stdout)
        for how in ("keep", "give back")
    }
    assert faults["keep"] < faults["give back"] / 10
