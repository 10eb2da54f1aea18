from django.urls import path

from ml.model_pages import models, retrain, training_run

urlpatterns = [
    path("models/", models, name="models"),
    path("models/retrain/", retrain, name="retrain"),
    path("models/runs/<int:run_id>/", training_run, name="training_run"),
]
