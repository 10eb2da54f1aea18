"""Rows in: up to 10,000 of one kind at once, loaded by the engine that loads files.

A request is recorded as a run, under the caller's idempotency key, before anything is loaded.
Repeating the request answers from that run, so an answer lost on the way costs nothing.
"""

import re
import secrets
import shutil
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import problems
from config.api.afterwards import Afterwards
from config.api.answers import Answers
from config.api.bodies import ArrayParser, LinesParser, Rows
from config.api.bulk_schema import BulkSchema
from config.api.problems import Refused
from customers import tasks
from customers.deliveries import loading
from customers.deliveries.outcome import outcome_of
from customers.deliveries.spool import Spooled, TwiceNamed, spool
from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused, message
from customers.models import Delivery, ImportRun
from customers.privacy import files
from organization import audit
from organization.access import Access, Capability, entered

_KEY = re.compile(r"[\x21-\x7e]{1,100}")
TYPES = (LinesParser.media_type, ArrayParser.media_type)


class Bulk(Answers, APIView):
    """``POST /api/v1/<kind>/bulk``; a view of its own for each kind of the exchange format."""

    http_method_names = ["post", "options"]
    capability = Capability.IMPORT_DATA
    everywhere = True  # a row may name any store
    parser_classes = (LinesParser, ArrayParser)
    schema = BulkSchema()
    kind = ""

    def post(self, request: Request) -> HttpResponse | Response:
        access: Access = request.access  # type: ignore[attr-defined]
        given = request.headers.get("Idempotency-Key", "")
        if given and not _KEY.fullmatch(given):
            raise Refused(
                *(400, "bad_key"),
                _("Idempotency-Key has 1 to 100 visible ASCII characters."),
                [{"where": "header.Idempotency-Key"}],
            )
        # A form was read by the middlewares already, and would come as no rows at all.
        content_type = request._request.content_type or ""
        if content_type.lower() not in TYPES:
            raise UnsupportedMediaType(content_type)
        if not request.META.get("CONTENT_LENGTH"):  # sent in chunks, whose end nobody declared
            raise Refused(411, "no_length", _("Content-Length is missing."))
        rows: Any = request.data
        if not isinstance(rows, Rows):
            raise Refused(400, "no_rows", _("The body holds no row."))
        key = f"{access.account_id}:{given or secrets.token_urlsafe(24)}"
        known = Delivery.objects.visible_to(access).filter(origin=Delivery.Origin.API, key=key)
        delivery = known.select_related("run").first()
        if delivery is None:
            delivery = self._record(access, key, rows)
        elif (delivery.digest, delivery.name) != (rows.digest, self.kind):
            raise Refused(
                *(422, "key_reused"),
                _("The same Idempotency-Key came with other rows before."),
                [{"where": "header.Idempotency-Key"}],
            )
        run, language = delivery.run, get_language() or settings.LANGUAGE_CODE
        if run.status == ImportRun.Status.FAILED and files.upload_folder(run) is not None:
            loading.take_back(run)
        if run.status in loading.UNFINISHED:
            return Afterwards(lambda: load_and_answer(access, run.pk, language))
        return _answer(access, run, language, replayed=True)

    def _record(self, access: Access, key: str, rows: Rows) -> Delivery:
        spooled = self._spool(rows)
        try:
            with transaction.atomic():
                run = ImportRun.objects.create(
                    tenant_id=access.tenant_id,
                    name=f"API · {self.kind}",
                    folder=str(spooled.folder),
                    started_by=access.label[:80],
                )
                delivery = Delivery.objects.create(
                    tenant_id=access.tenant_id,
                    origin=Delivery.Origin.API,
                    key=key,
                    digest=rows.digest,
                    name=self.kind,
                    run=run,
                    ignored=spooled.ignored,
                )
        except IntegrityError:  # the same request, at the same moment
            shutil.rmtree(spooled.folder)
            raise Refused(
                *(409, "in_progress"),
                _("A request with this Idempotency-Key is being recorded."),
                [{"where": "header.Idempotency-Key"}],
            ) from None
        audit.record(access, "queue_import", f"run {run.pk}", name=run.name, dry_run=False)
        return delivery

    def _spool(self, rows: Rows) -> Spooled:
        try:
            return spool(KINDS[self.kind], rows.rows)
        except TwiceNamed as twice:
            place = rows.places[twice.at]
            words = _("“%(first)s” and “%(second)s” are both the column %(column)s.")
            said = words % {
                "first": twice.keys[0][:60],
                "second": twice.keys[1][:60],
                "column": twice.column,
            }
            raise Refused(
                *(400, "twice_named", f"{place['where']}: {said}"),
                [{**place, "code": "twice_named", "message": said}],
            ) from twice
        except FileRefused as refused:
            code, values = refused.problem.code, refused.problem.values
            said = message(code, values, get_language() or settings.LANGUAGE_CODE)
            raise Refused(422, code, said, [{"where": "body", "code": code}]) from refused


def load_and_answer(access: Access, run_id: int, language: str) -> HttpResponse:
    """Load the run, or hand it to a worker if another import is at work; call outside requests'
    transactions."""
    done = loading.load(access.tenant_id, run_id, patience=settings.API_BULK_WAIT)
    if not done:
        tasks.queue_run(access.tenant_id, run_id)
    with entered(access):
        run = ImportRun.objects.visible_to(access).get(pk=run_id)
        if run.status == ImportRun.Status.DONE and (folder := files.upload_folder(run)):
            files.remove(folder)
        return _answer(access, run, language)


def _answer(access: Access, run: ImportRun, language: str, replayed: bool = False) -> HttpResponse:
    """200 with what was done, 202 with where to ask, 422 where nothing could be loaded."""
    address = reverse("api_imports-detail", args=[run.pk])
    headers = {"Location": address}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    body = {**outcome_of(access, run, language), "address": address}
    if run.status == ImportRun.Status.FAILED:
        where = [{"where": f"rows[{one['index']}]", **one} for one in body["refusals"]]
        more: dict[str, Any] = {"errors": where, "run": run.pk, "address": address}
        return problems.answer(422, "run_failed", run.message, headers=headers, **more)
    status = 202 if run.status in loading.UNFINISHED else 200
    if status == 202:
        headers["Retry-After"] = "5"
    content = JSONRenderer().render(body)
    return HttpResponse(content, "application/json", status, headers=headers)
