"""The nursery as a process: `python -m tests.support.nursery FD PADDING`."""

from tests.support.nursery.mother import main

main()
