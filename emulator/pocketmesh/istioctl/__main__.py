"""`python -m pocketmesh.istioctl`."""

import sys

from pocketmesh.istioctl.cli import main

sys.exit(main(sys.argv[1:]))
