"""Contributions: the reviewed pictures of papers that a dataset does not have yet, packed for its keepers and merged."""
