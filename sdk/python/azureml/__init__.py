"""The names of Azure ML SDK v1, served by a Lazuli workspace.

Each class stands in a file of its own below ``core`` and holds no more than names and shapes; how
the daemon is reached is the business of the package ``lazuli``. What SDK v1 has and Lazuli has not yet
stands in one table, `lazuli.later_names`.
"""

from lazuli import later as _later
from lazuli.drop_in import refuse_to_mix as _refuse_to_mix

_refuse_to_mix()
_later.install()
