"""Write the generated pages anew: `make docs`."""

from __future__ import annotations

from generate.pages import PAGES

for path, text in PAGES.items():
    path.write_text(text(), encoding="utf-8")
