"""Golden files: what a text looked like when somebody last looked at it and found it good.

CHIMERA_TEST_GOLDEN=write writes them anew; look at the difference before it is committed.
"""

import os
from pathlib import Path


def check_golden(file: Path, text: str) -> None:
    """Compare a text with its golden file, blanks at line ends aside."""
    seen = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("CHIMERA_TEST_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
    assert file.exists(), f"no {file.name} yet; CHIMERA_TEST_GOLDEN=write writes it"
    assert seen == file.read_text(encoding="utf-8")
