from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    label = "parcfolio_config"

    def ready(self) -> None:
        # Tasks that are sent from pages and commands find their broker through the current app.
        from config.celery import app

        app.set_default()
