"""Stored structures. Each save is a new version; none is ever changed."""

from django.db import models

from organization.scoping import UnitOwned


class Structure(UnitOwned):
    """One version of a deal's terms over a source of collections of a unit."""

    name = models.CharField(max_length=80)
    version = models.IntegerField()
    # What collections_of reads (valuation.structure.sources).
    source = models.JSONField()
    # What parse_terms reads (valuation.structure.terms).
    terms = models.JSONField()
    reason = models.TextField(blank=True)
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "unit", "name", "version"], name="structure_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
