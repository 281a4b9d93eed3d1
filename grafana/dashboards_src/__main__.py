"""``python -m dashboards_src``: write the dashboards, or check that the written ones are up to date."""

import sys

from dashboards_src.cli import main

sys.exit(main())
