"""Processes that start at once: forked from one that has loaded all of Chimera and done nothing.

A test of the whole product is dozens of processes, and loading the code is most of what a short
one does. A process that is born here is otherwise as real as any: it has its own pid, command line
and environment as /proc shows them, folder, files and signals, and it can be killed. What only a
start from nothing shows (an import that is missing, a setting that is read while loading) the
examples, the documentation's commands and the tests at a terminal show, which start from nothing.
"""

from tests.support.nursery.child import Child, Command, quiet, start

__all__ = ["Child", "Command", "quiet", "start"]
