"""Import runs: how far one is and what became of it, whoever started it."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.api import filters
from config.api.views import Resources, described
from customers.deliveries.outcome import head_of, outcome_of, refusal_of
from customers.models import ImportRun, RejectedRow
from organization.access import Access, Capability


class NoteResource(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField(help_text="in the language of Accept-Language")


class RefusalResource(NoteResource):
    kind = serializers.CharField(help_text="kind of record, as the files are named")
    index = serializers.IntegerField(help_text="place in what was sent, from 0")
    row = serializers.IntegerField(help_text="row as a spreadsheet counts, the header is 1")
    column = serializers.CharField(help_text="empty where the row as a whole is meant")
    whole_row = serializers.BooleanField(
        help_text="false: the cell was left empty and the row loaded"
    )


class Counts(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="sum of the next five")
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    superseded = serializers.IntegerField(help_text="a later row of the same key won")
    refused = serializers.IntegerField()
    deleted = serializers.IntegerField(help_text="of those updated, for the kind deleted")


class FileResource(Counts):
    kind = serializers.CharField()
    warnings = NoteResource(many=True)


class RunResource(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=ImportRun.Status.choices)
    dry_run = serializers.BooleanField()
    started_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField(help_text="why it failed, empty otherwise")

    def to_representation(self, instance: ImportRun) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(head_of(instance))
        return shown


class OutcomeResource(Counts, RunResource):
    loaded = serializers.IntegerField(help_text="created + updated")
    ignored_columns = serializers.ListField(child=serializers.CharField())
    files = FileResource(many=True)
    refusals = RefusalResource(many=True, help_text="the first 1,000")
    refusals_complete = serializers.BooleanField(help_text="false: ask for …/refusals/")


@extend_schema_view(
    list=described("Import runs of the group, the newest last"),
    retrieve=extend_schema(
        summary="One import run: state, counts, refusals",
        description="What the request that posted the rows was answered with, or will be.",
        responses=OutcomeResource,
    ),
)
class Imports(mixins.RetrieveModelMixin, Resources):
    model = ImportRun
    capability = Capability.IMPORT_DATA
    everywhere = True
    serializer_class = RunResource
    filterset_class = filters.ImportFilter
    lookup_value_converter = "int"

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        access: Access = request.access  # type: ignore[attr-defined]
        return Response(outcome_of(access, self.get_object(), _language()))

    @extend_schema(
        summary="Refused rows and cells of one run",
        description="With the words of the refusal files; the rows themselves are not shown.",
        responses=RefusalResource(many=True),
        filters=False,
    )
    @action(detail=True, serializer_class=RefusalResource)
    def refusals(self, request: Request, pk: int) -> Response:
        access: Access = request.access  # type: ignore[attr-defined]
        self.refuse_unknown_parameters(())
        run = self.get_object()
        rows = RejectedRow.objects.visible_to(access).filter(run=run)
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response([refusal_of(row, _language()) for row in page])


def _language() -> str:
    return get_language() or str(settings.LANGUAGE_CODE)
