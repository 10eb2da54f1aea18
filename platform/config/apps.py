from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    label = "parcfolio_config"
