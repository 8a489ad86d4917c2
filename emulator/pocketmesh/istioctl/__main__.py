"""`python -m pocketmesh.istioctl`."""

import sys

from pocketmesh.bytecode import keep_bytecode

keep_bytecode()

from pocketmesh.istioctl.cli import main  # noqa: E402  (what is imported before that call is not kept)

sys.exit(main(sys.argv[1:]))
