"""Train and judge models on a released dataset."""
