"""Estimators of SDK v1: a script with its environment in one object."""
