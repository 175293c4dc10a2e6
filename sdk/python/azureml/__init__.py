"""The names of Azure ML SDK v1, served by a Lazuli workspace.

Each class stands in a file of its own below ``core`` and holds no more than names and shapes; how
the daemon is reached is the business of the package ``lazuli``.
"""
