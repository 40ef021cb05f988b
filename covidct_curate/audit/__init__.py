"""What a dataset is, and what is wrong with it: a workspace, a release, or somebody else's folder."""
