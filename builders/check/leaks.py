"""Check of the leak certificate, computed again from the tables."""

from __future__ import annotations

from pydantic import ValidationError

from nyxqa.builders.check.context import CheckContext
from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.schemas.errors import first_line
from nyxqa.schemas.recipe import Dedup

LEAK_CHECKS = ("certificate", "certificate_of_manifest")


def check_leaks(context: CheckContext) -> None:
    """Check that every count is zero and equals the one in the manifest."""
    if not context.ready(("corpus", "qa", "triplets"), *LEAK_CHECKS):
        return
    if context.incomplete:
        context.findings.skip(f"null where no null may be, in {min(context.incomplete)}", *LEAK_CHECKS)
        return
    scratch = scratch_folder(context.out)
    try:
        settings = Dedup.model_validate(context.manifest.recipe.get("dedup", {}))
    except ValidationError as error:
        context.findings.skip(f"the manifest's recipe is not valid: dedup: {first_line(error)}", *LEAK_CHECKS)
        return
    try:
        counts = certify(context.out, context.manifest.files, settings, scratch)
    except OSError as error:
        context.findings.skip(f"{scratch} cannot be written: {error.strerror or error}", *LEAK_CHECKS)
        return
    recorded = context.manifest.certificate
    for name, count in counts.items():
        if count:
            context.findings.fail("certificate", f"{name}: {count}")
    for name in sorted(counts.keys() | recorded.keys()):
        if counts.get(name) != recorded.get(name):
            line = f"{name}: {recorded.get(name, 'absent')} in the manifest, {counts.get(name, 'absent')} in the tables"
            context.findings.fail("certificate_of_manifest", line)
