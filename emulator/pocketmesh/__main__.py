"""`python -m pocketmesh`."""

import sys

from pocketmesh.bytecode import keep_bytecode

keep_bytecode()

from pocketmesh.cli import main  # noqa: E402  (what is imported before that call is not kept)

sys.exit(main())
