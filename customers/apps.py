from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"

    def ready(self) -> None:
        from customers.identity.words import ACTIONS as OF_IDENTITY
        from customers.privacy.words import ACTIONS
        from organization.audit import ACTION_WORDS

        ACTION_WORDS.update(ACTIONS | OF_IDENTITY)
