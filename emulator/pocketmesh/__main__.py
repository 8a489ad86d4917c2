"""`python -m pocketmesh`."""

import sys

from pocketmesh.cli import main

sys.exit(main())
