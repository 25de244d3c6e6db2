"""From how many pages on an image or a text is common, as logos and boilerplate are."""

from __future__ import annotations

MIN_PAGES = 5  # what stands on no more pages than this is never common
