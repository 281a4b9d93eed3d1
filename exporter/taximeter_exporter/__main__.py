"""`python -m taximeter_exporter`."""

import sys

from taximeter_exporter.cli import main

sys.exit(main())
