"""Release: from a reviewed workspace to a dataset folder that others can load."""
