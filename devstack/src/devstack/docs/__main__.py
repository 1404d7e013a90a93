"""The command line: `python -m devstack.docs` writes, `--check` only compares."""

import argparse
import sys
from itertools import islice

from devstack.docs import tree
from devstack.docs.compatibility import ADVICE, broken_contracts
from devstack.places import here

_LONGEST_DIFF = 200


def main() -> int:
    """Write or compare; returns 1 when something must be done."""
    parser = argparse.ArgumentParser(prog="python -m devstack.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    check: bool = parser.parse_args().check
    root = here().root
    if broken := broken_contracts(root):
        print("A contract would break:", *(f"  {fault}" for fault in broken), ADVICE, sep="\n")
        return 1
    wanted = tree.expected(root)
    if not check:
        print(*(f"wrote {name}" for name in tree.write(root, wanted)), sep="\n")
        return 0
    stale = list(islice(tree.differences(root, wanted), _LONGEST_DIFF))
    if stale:
        print(*stale, "", "The docs are behind the code: run `make docs` and commit.", sep="\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
