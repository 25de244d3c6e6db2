"""Imported first by the process that workers are forked from, and by nothing else: it dies with its parent.

So do the workers with theirs, which is this process. Without that it would stay while one of them lives.
"""

from __future__ import annotations

from nyxqa.builders.engine.executors.parent import die_with_parent

die_with_parent()
