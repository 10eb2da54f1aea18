from django.urls import path

from ml.backtest_pages import backtest
from ml.change_pages import champion_change, champion_change_csv
from ml.model_pages import models, publish_held_scores, retrain, roll_back_scores
from ml.run_pages import cancel_run, training_run
from ml.version_pages import model_version

urlpatterns = [
    path("models/", models, name="models"),
    path("models/backtest/", backtest, name="backtest"),
    path("models/retrain/", retrain, name="retrain"),
    path("models/roll-back/", roll_back_scores, name="roll_back_scores"),
    path("models/publish-held/", publish_held_scores, name="publish_held_scores"),
    path("models/runs/<int:run_id>/", training_run, name="training_run"),
    path("models/runs/<int:run_id>/cancel/", cancel_run, name="cancel_run"),
    path("models/changes/<int:change_id>/", champion_change, name="champion_change"),
    path(
        "models/changes/<int:change_id>/stores.csv",
        champion_change_csv,
        name="champion_change_csv",
    ),
    path("models/versions/<int:version_id>/", model_version, name="model_version"),
]
