"""The models behind the scores in use: what a challenger has to meet, and what scores nightly."""

from dataclasses import dataclass
from datetime import date

from ml.model_files import UntrustedModelFile
from ml.models import ScoreSet, TrainingRun
from ml.publication import current_score_set
from ml.registry import Loaded, NoUsableModels, load_models
from ml.remarks import said_by
from organization.access import Access, entered


@dataclass(frozen=True)
class Champion:
    """The published set with the latest date not after the run's, and its models; ``models`` is
    None, and ``unusable`` says why, where this version of the program cannot read them."""

    score_set: ScoreSet
    model_run: TrainingRun
    models: Loaded | None
    unusable: str = ""

    @property
    def as_of(self) -> date:
        return self.score_set.as_of

    @property
    def horizon_months(self) -> int:
        return self.score_set.horizon_months


def champion_of(access: Access, run: TrainingRun) -> Champion | None:
    """The champion for a run; None where nothing is published, or only what knows the run's future.

    Raises :class:`ml.model_files.UntrustedModelFile` where a model file was changed and the run is
    to score with it; a run that fits goes on without the comparison.
    """
    with entered(access):
        current = current_score_set(access)
        if current is None or current.as_of > run.as_of:
            return None
        model_run = current.model_run or current.run
    try:
        return Champion(current, model_run, load_models(access, model_run.pk, trials=True))
    except UntrustedModelFile as changed:
        if run.score_only:
            raise
        return Champion(current, model_run, None, str(changed))
    except NoUsableModels as reason:
        return Champion(current, model_run, None, said_by(reason))
