"""The certificate, derived again from the tables."""

from __future__ import annotations

from nyxqa.builders.check.dataset import Examined
from nyxqa.builders.dedup.certificate import certify
from nyxqa.builders.engine.workdir import scratch_folder
from nyxqa.schemas.recipe import Dedup

LEAK_CHECKS = ("certificate", "certificate_of_manifest")


def check_leaks(examined: Examined) -> None:
    """Every count must be zero, and be what the manifest says."""
    if not examined.ready(("corpus", "qa", "triplets"), *LEAK_CHECKS):
        return
    scratch = scratch_folder(examined.out)
    try:
        settings = Dedup.model_validate(examined.manifest.recipe["dedup"])
        found = certify(examined.out, examined.manifest.files, settings, scratch)
    except OSError as error:
        examined.findings.skip(f"{scratch} cannot be written: {error.strerror or error}", *LEAK_CHECKS)
        return
    told = examined.manifest.certificate
    for name, count in found.items():
        if count:
            examined.findings.fail("certificate", f"{name}: {count}")
    for name in sorted(found.keys() | told.keys()):
        if found.get(name) != told.get(name):
            line = f"{name}: {told.get(name, 'absent')} in the manifest, {found.get(name, 'no check')} in the tables"
            examined.findings.fail("certificate_of_manifest", line)
