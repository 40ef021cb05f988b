"""Formats of a release, one module each.

Each has one function that writes into an existing, empty folder. `covid_ct` is a release's own layout, and `croissant`
describes it; the others take their pictures from such a release.
"""
