"""What a training run came to, as one JSON-ready object."""

from typing import Any

from ml.models import ModelVersion, ScoreSet, TrainingRun
from organization.access import Access, entered


def outcome_of(access: Access, run_id: int) -> dict[str, Any]:
    """``score_set, as_of, customers, published, models, seconds`` and where the run stands."""
    with entered(access):
        run = TrainingRun.objects.get(pk=run_id)
        score_set = ScoreSet.objects.filter(run=run).first()
        models = [
            _model(version) for version in ModelVersion.objects.filter(run=run).order_by("pk")
        ]
    return {
        "score_set": score_set.pk if score_set else None,
        "as_of": run.as_of.isoformat(),
        "customers": score_set.customers if score_set else 0,
        "published": run.status == TrainingRun.Status.PUBLISHED,
        "models": models,
        "seconds": run.seconds,
        "run": run.pk,
        "status": run.status,
        "stage": run.stage,
        "progress": run.progress,
        "message": run.message,
        "gate": score_set.gate if score_set else {},
    }


def _model(version: ModelVersion) -> dict[str, Any]:
    metrics = version.metrics.get("metrics", {})
    if version.kind == ModelVersion.Kind.LIFETIME_VALUE:
        chosen = version.parameters["chosen"]
        metrics = {
            "customers": version.parameters["customers"],
            "model": chosen["model"],
            "log_likelihood": chosen["log_likelihood"],
            "parameters": chosen["params"],
        }
    return {
        "name": version.name,
        "kind": version.kind,
        "version": version.version,
        "metrics": metrics,
        "status": version.status,
        "converged": version.converged,
    }
