"""The stated rules of access: one line for every page, API route, model, command, task, export.

The tests of this folder enumerate all of these by themselves. What is not stated here fails with
its name, and so does a rule whose thing is gone.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.files.uploadedfile import SimpleUploadedFile

from customers.importing.kinds import KINDS
from organization.access import Capability as C

# Whose rows an address names: none, those of a store, unit or person of a unit, or of the tenant.
Rows = Literal["none", "store", "unit", "people", "tenant"]
Statuses = tuple[int, ...]


@dataclass(frozen=True)
class Route:
    """What an address answers to whom.

    ``needs``: all of these capabilities; ``any_of``: at least one of them. Without: 403.
    ``then``: what a POST needs besides, once the row was found; without it 403 too.
    ``get`` and ``post``: status where it is allowed; 405 where there is no such method.
    ``hidden``: the answer for rows that one may not know of, as for those that do not exist.
    ``whole_group``: only for people of the whole group, others 403.
    ``signed_out``: open without signing in.
    ``names``: what the address names, a key of ``tests.access.requests.NAMED``.
    ``data``: what a plausible POST sends.
    """

    needs: tuple[C, ...] = ()
    any_of: tuple[C, ...] = ()
    then: tuple[C, ...] = ()
    rows: Rows = "none"
    names: str = ""
    get: Statuses = (200,)
    post: Statuses = (405,)
    hidden: int = 404
    whole_group: bool = False
    signed_out: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    def sent(self) -> dict[str, Any]:
        """The data of one POST; a file is made anew, since it can be read once."""
        return {key: value() if callable(value) else value for key, value in self.data.items()}


def delivery() -> SimpleUploadedFile:
    """A file of the exchange format with one row."""
    return SimpleUploadedFile("comparables.csv", b"name,as_of\nPeer,2026-01-01\n")


def api(*needs: C, rows: Rows = "none", names: str = "") -> Route:
    return Route(needs, rows=rows, names=names)


def act(*needs: C, post: Statuses = (302,), **values: Any) -> Route:
    """An address that only takes POST."""
    return Route(needs, get=(405,), post=post, **values)


GRANTS = (C.REQUEST_GRANT, C.APPROVE_GRANT)
PRIVACY = (C.HANDLE_PRIVACY, C.APPROVE_ERASURE)
OPEN = Route(signed_out=True)
ROUTES: dict[str, Route] = {
    # Operation: says nothing about anybody's data.
    "healthz": OPEN,
    "readyz": Route(signed_out=True, get=(200, 503)),
    "metrics": OPEN,
    "schema": OPEN,
    "api_docs": OPEN,
    # Only while developing and testing; it shows made-up figures and reads no row.
    "styleguide": Route(signed_out=True, post=(200,)),
    "styleguide_progress": Route(signed_out=True, post=(200,)),
    "theme": act(signed_out=True, data={"theme": "dark"}),
    "set_language": act(signed_out=True, data={"language": "en"}),
    "signin": Route(signed_out=True, get=(200, 302), post=(200, 302), data={"username": "x"}),
    "signout": act(),
    # The second step, an invitation's link and the identity provider: each needs what was begun
    # before (a password accepted, a link, a configured provider), of which there is nothing here.
    "second_step": Route(signed_out=True, get=(302,), post=(302,)),
    "second_factor_qr": Route(signed_out=True, get=(404,)),
    "oidc_start": Route(signed_out=True, get=(404,)),
    "oidc_return": Route(signed_out=True, get=(404,)),
    "set_password": Route(signed_out=True, names="link", post=(200,)),
    # One's own account.
    "switch_view": act(post=(400,)),  # with one assignment there is nothing to choose
    "account": Route(),
    "change_password": Route(post=(200,)),
    "second_factor": Route(post=(200,), data={"code": "000000"}),
    "end_session": act(),
    "tokens": Route(post=(200,), data={"name": "x", "scope": "read", "days": "30"}),
    "revoke_token": act(data={"token": "1"}),
    # The API: what is read.
    "api_root": api(),
    "api_units-list": api(),
    "api_units-detail": api(rows="unit", names="unit"),
    "api_customers-list": api(C.SEE_CUSTOMERS),
    "api_customers-detail": api(C.SEE_CUSTOMERS, rows="store", names="customer"),
    "api_vehicles-list": api(C.SEE_CUSTOMERS),
    "api_visits-list": api(C.SEE_CUSTOMERS),
    "api_surveys-list": api(C.SEE_CUSTOMERS),
    "api_contracts-list": api(C.SEE_CUSTOMERS),
    "api_events-list": api(C.SEE_CUSTOMERS),
    "api_scores-list": api(C.SEE_CUSTOMERS),
    "api_scores-detail": api(C.SEE_CUSTOMERS, rows="store", names="customer"),
    "api_deidentified-list": api(C.SEE_VALUE),
    "api_valuations-list": api(C.SEE_VALUE),
    "api_valuations-detail": api(C.SEE_VALUE, rows="unit", names="unit"),
    "api_visit_lines-list": api(C.SEE_CUSTOMERS),
    "api_policies-list": api(C.SEE_CUSTOMERS),
    "api_financials-list": api(C.SEE_VALUE),
    "api_marketing-list": api(C.SEE_VALUE),
    "api_targets-list": api(C.SEE_VALUE),
    "api_comparables-list": api(C.SEE_VALUE),
    "api_staff-list": Route((C.IMPORT_DATA,), whole_group=True),
    "api_imports-list": Route((C.IMPORT_DATA,), whole_group=True),
    "api_imports-detail": Route(
        (C.IMPORT_DATA,), rows="tenant", names="import_run", whole_group=True
    ),
    "api_imports-refusals": Route(
        (C.IMPORT_DATA,), rows="tenant", names="import_run", whole_group=True
    ),
    # What is written: rows of any store. A form is no content type that they take.
    **{
        f"api_bulk_{kind}": act(C.IMPORT_DATA, whole_group=True, post=(415,), data={"x": "1"})
        for kind in KINDS
    },
    # People, organization, audit trail.
    "people": Route((C.ADMINISTER,)),
    "person": Route((C.ADMINISTER,), rows="people", names="person"),
    "set_account": act(C.ADMINISTER, rows="people", names="person", data={"open": "0"}),
    "end_assignment": act(
        C.ADMINISTER, rows="people", names="assignment", data={"valid_to": "2099-01-01"}
    ),
    "transfer": Route((C.ADMINISTER,), rows="people", names="assignment", post=(400,)),
    "person_signin": Route((C.ADMINISTER,), rows="people", names="person"),
    "change_person_signin": act(
        C.ADMINISTER, rows="people", names="person", data={"do": "sessions"}
    ),
    "special_grants": Route(any_of=GRANTS, then=(C.REQUEST_GRANT,), post=(400,)),
    "approve_grant": act(any_of=GRANTS, then=(C.APPROVE_GRANT,), rows="unit", names="grant"),
    "revoke_grant": act(any_of=GRANTS, rows="unit", names="grant"),
    "units": Route(any_of=(C.ADMINISTER, C.IMPORT_DATA)),
    "audit": Route((C.SEE_AUDIT,)),
    # Customers and follow-up.
    "start": Route(get=(200, 302)),
    "customers": Route((C.SEE_CUSTOMERS,)),
    "customer": Route((C.SEE_CUSTOMERS,), rows="store", names="customer"),
    "customer_timeline": Route((C.SEE_CUSTOMERS,), rows="store", names="customer"),
    "customer_reveal": act(
        *(C.SEE_CUSTOMERS, C.REVEAL_CONTACT),
        post=(200,),
        rows="store",
        names="customer",
        data={"reason": "on_site"},
    ),
    "customer_outcome": act(
        C.FOLLOW_UP,
        rows="store",
        names="customer",
        data={"reason": "other", "outcome": "booked"},
    ),
    "follow_ups": Route((C.FOLLOW_UP,)),
    # Unknown, not yours and closed meanwhile are one answer: back to the list, with a message.
    "follow_up_outcome": act(
        C.FOLLOW_UP, rows="store", names="follow_up", hidden=302, data={"outcome": "booked"}
    ),
    # Personal data.
    "privacy": Route(any_of=PRIVACY),
    "privacy_policy": act(C.HANDLE_PRIVACY, whole_group=True),
    "privacy_carry_out": act(
        any_of=PRIVACY,
        then=(C.HANDLE_PRIVACY,),
        rows="store",
        names="privacy_request",
        data={"decision": "refuse"},
    ),
    "customer_privacy": Route(any_of=PRIVACY, rows="store", names="customer"),
    "customer_privacy_request": act(C.HANDLE_PRIVACY, rows="store", names="customer"),
    "customer_statement": act(
        C.SEE_CUSTOMERS,
        any_of=(C.FOLLOW_UP, C.HANDLE_PRIVACY),
        rows="store",
        names="customer",
        data={"statement": "marketing_no", "origin": "phone"},
    ),
    "walk_in": act(C.SEE_CUSTOMERS, C.REVEAL_CONTACT, data={"q": "nobody"}),
    # Imports touch every store.
    "imports": Route((C.IMPORT_DATA,), whole_group=True, post=(302,), data={"upload": delivery}),
    "import_rules": act(C.IMPORT_DATA, whole_group=True, data={"most_refused": "5"}),
    "import_profiles": Route((C.IMPORT_DATA,), whole_group=True, post=(400,)),
    "import_profile": Route(
        (C.IMPORT_DATA,), rows="tenant", names="import_profile", whole_group=True, post=(400,)
    ),
    "import_profile_delete": act(
        C.IMPORT_DATA, rows="tenant", names="import_profile", whole_group=True
    ),
    "import_run": Route((C.IMPORT_DATA,), rows="tenant", names="import_run", whole_group=True),
    "import_progress": Route((C.IMPORT_DATA,), rows="tenant", names="import_run", whole_group=True),
    # The task that stands in the world is about a figure, none about a delivery.
    "import_remove_delivery": act(
        C.IMPORT_DATA, rows="unit", names="task", whole_group=True, post=(404,)
    ),
    "import_load": act(C.IMPORT_DATA, rows="tenant", names="import_run", whole_group=True),
    "import_refusals": Route((C.IMPORT_DATA,), rows="tenant", names="import_run", whole_group=True),
    "data_quality": Route((C.SEE_DATA_QUALITY,)),
    "data_quality_store": Route((C.SEE_DATA_QUALITY,), rows="store", names="store"),
    "data_quality_renew": act(C.IMPORT_DATA, C.SEE_DATA_QUALITY, whole_group=True),
    # Who is one customer: proposals and decisions about customers of stores that one covers.
    "identity_review": Route((C.SEE_CUSTOMERS, C.IMPORT_DATA)),
    "identity_decide": act(
        *(C.SEE_CUSTOMERS, C.IMPORT_DATA),
        rows="store",
        names="merge_proposal",
        data={"decision": "later"},
    ),
    "identity_history": Route((C.SEE_CUSTOMERS, C.IMPORT_DATA)),
    "identity_undo": act(C.SEE_CUSTOMERS, C.IMPORT_DATA, rows="store", names="merge_decision"),
    "customer_numbers": Route((C.SEE_CUSTOMERS, C.IMPORT_DATA), rows="store", names="customer"),
    "customer_split": act(C.SEE_CUSTOMERS, C.IMPORT_DATA, rows="store", names="customer_number"),
    # Models.
    "models": Route((C.SEE_MODELS,)),
    "backtest": Route((C.SEE_MODELS,)),
    "training_run": Route((C.SEE_MODELS,), rows="tenant", names="training_run"),
    "model_version": Route((C.SEE_MODELS,), rows="tenant", names="model_version"),
    "champion_change": Route((C.SEE_MODELS, C.SEE_VALUE), rows="unit", names="champion_change"),
    "champion_change_csv": Route(
        (C.SEE_MODELS, C.SEE_VALUE, C.EXPORT_VALUE), rows="unit", names="champion_change"
    ),
    "retrain": act(C.RETRAIN, whole_group=True),
    "cancel_run": act(C.RETRAIN, rows="tenant", names="training_run", whole_group=True),
    "roll_back_scores": act(C.RETRAIN, whole_group=True, data={"reason": "a wrong file"}),
    "publish_held_scores": act(
        C.RETRAIN, whole_group=True, data={"reason": "a wrong file", "score_set": "1"}
    ),
    # Values.
    "valuation_dashboard": Route((C.SEE_VALUE,)),
    "valued_unit": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    "valued_cohorts": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    "valued_bridge": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    "valued_reconciliation": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    "valued_customers": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    # Segments: probabilities beside values; their customers, and what leaves as a file, need more.
    "segments_start": Route((C.SEE_VALUE, C.SEE_PROBABILITIES), get=(302,)),
    "segments": Route((C.SEE_VALUE, C.SEE_PROBABILITIES), rows="unit", names="unit"),
    "due_calendar": Route((C.SEE_VALUE, C.SEE_PROBABILITIES), rows="unit", names="unit"),
    "workload": Route((C.SEE_VALUE, C.SEE_PROBABILITIES), rows="unit", names="unit"),
    "workload_csv": Route(
        (C.SEE_VALUE, C.SEE_PROBABILITIES, C.EXPORT_VALUE), rows="unit", names="unit"
    ),
    "segment_customers": Route(
        (C.SEE_VALUE, C.SEE_PROBABILITIES, C.SEE_CUSTOMERS), rows="unit", names="unit"
    ),
    "segment_csv": Route(
        (C.SEE_VALUE, C.SEE_PROBABILITIES, C.SEE_CUSTOMERS, C.EXPORT_VALUE),
        rows="unit",
        names="unit",
    ),
    "create_task": act(C.SEE_VALUE, C.CREATE_TASK, rows="unit", names="unit"),
    "deidentified_rows": Route((C.SEE_VALUE,)),
    "assumptions": Route((C.SEE_VALUE,)),
    "new_assumptions": Route(
        (C.SEE_VALUE, C.CREATE_VALUATION), whole_group=True, post=(400,), data={"reason": "x"}
    ),
    "scenarios": Route((C.SEE_VALUE,)),
    "store_scenario": act(
        C.SEE_VALUE, C.CREATE_VALUATION, whole_group=True, data={"name": "x", "reason": "y"}
    ),
    "pools": Route((C.SEE_VALUE,)),
    "pool_builder": Route((C.SEE_VALUE,)),
    "pool_band": Route((C.SEE_VALUE,)),
    "cut_pool": act(C.SEE_VALUE, C.CREATE_VALUATION, whole_group=True, data={"name": "x"}),
    "pool": Route((C.SEE_VALUE,), rows="unit", names="pool"),
    "renew_pool": act(C.SEE_VALUE, C.CREATE_VALUATION, rows="unit", names="pool", whole_group=True),
    "pool_export": Route((C.SEE_VALUE,), rows="unit", names="pool_file", get=(200, 302)),
    # Without an approved valuation nothing is made: back to the list with a message.
    "exports": Route(
        (C.SEE_VALUE,),
        then=(C.EXPORT_VALUE,),
        post=(302,),
        data={"kind": "monthly_pdf", "unit": "nowhere"},
    ),
    "export": Route((C.SEE_VALUE, C.EXPORT_VALUE), rows="unit", names="export"),
    "export_progress": Route((C.SEE_VALUE, C.EXPORT_VALUE), rows="unit", names="export"),
    # The row of the test world has no file.
    "export_file": Route((C.SEE_VALUE, C.EXPORT_VALUE), rows="unit", names="export", get=(404,)),
    "monthly_report": Route((C.SEE_VALUE,), rows="unit", names="unit", get=(200, 302)),
    "calculators": Route((C.SEE_VALUE,)),
    "calculator": Route((C.SEE_VALUE,), names="calculator"),
    "structures": Route((C.SEE_VALUE,), then=(C.CREATE_VALUATION,), post=(400,), data={"name": ""}),
    "structure": Route(
        (C.SEE_VALUE,),
        then=(C.CREATE_VALUATION,),
        rows="unit",
        names="structure",
        post=(302,),
        data={"set": "1"},
    ),
    "structure_of_pool": Route(
        (C.SEE_VALUE,),
        then=(C.CREATE_VALUATION,),
        rows="unit",
        names="pool",
        post=(302,),
        data={"set": "1", "name": "x"},
    ),
    # Without an approved valuation nothing leaves: back to the page with a message.
    "structure_workbook": Route(
        (C.SEE_VALUE, C.EXPORT_VALUE), rows="unit", names="structure", get=(200, 302)
    ),
    "structure_draft": Route(
        (C.SEE_VALUE,),
        then=(C.CREATE_VALUATION,),
        rows="unit",
        names="unit",
        post=(302,),
        data={"set": "1", "name": "x"},
    ),
    "value_now": act(C.SEE_VALUE, C.CREATE_VALUATION, whole_group=True),
    # Indicators, what stands behind each figure, and tasks.
    "indicators": Route((C.SEE_VALUE,)),
    "unit_indicators": Route((C.SEE_VALUE,), rows="unit", names="unit"),
    "record_indicators": act(C.SEE_VALUE, C.CREATE_VALUATION, whole_group=True),
    "indicator_bands": Route((C.SEE_VALUE,)),
    "store_bands": act(C.SEE_VALUE, C.CREATE_VALUATION, whole_group=True, post=(400,)),
    "moat_inputs": Route(
        (C.SEE_VALUE,), then=(C.CREATE_VALUATION,), rows="unit", names="unit", post=(400,)
    ),
    "figure": Route((C.SEE_VALUE,), rows="unit", names="figure"),
    "figure_rows": Route((C.SEE_VALUE,), rows="unit", names="figure"),
    "new_task": Route((C.SEE_VALUE, C.CREATE_TASK), rows="unit", names="figure", post=(400,)),
    "tasks": Route((C.SEE_VALUE,)),
    "task": Route((C.SEE_VALUE,), rows="unit", names="task"),
    # Nobody is named: the page comes back with the choice.
    "task_owner": act(C.SEE_VALUE, C.CREATE_TASK, rows="unit", names="task", post=(400,)),
    "task_done": act(C.SEE_VALUE, C.CREATE_TASK, rows="unit", names="task"),
    "approve_valuation": act(
        C.SEE_VALUE, C.APPROVE_VALUATION, rows="tenant", names="valuation", whole_group=True
    ),
}


@dataclass(frozen=True)
class Table:
    """``rows``: a key of ``organization.row_security.POLICIES``; ``writes``: of ``WRITES``;
    ``read``: another of ``POLICIES`` where more may be read than changed."""

    rows: str
    writes: str = "full"
    read: str = ""
    why: str = ""


TABLES: dict[str, Table] = {
    "organization.Tenant": Table("self"),
    "organization.Account": Table("open", why="sign-in finds a login before a group is known"),
    "organization.Unit": Table("tenant"),
    "organization.Staff": Table("tenant"),
    "organization.Assignment": Table("tenant"),
    "organization.Grant": Table("tenant"),
    "organization.AuditEvent": Table("tenant", "append"),
    "organization.AuditChain": Table("tenant", "read"),
    "organization.SecondFactor": Table("tenant"),
    "organization.ApiToken": Table("tenant"),
    "organization.Session": Table(
        "open", why="found by an unguessable key before a group is known"
    ),
    "organization.SignInAttempt": Table("open", why="counts by keyed hashes, before a sign-in"),
    "customers.PersonKey": Table("store"),
    "customers.PrivacyRequest": Table("store"),
    "customers.SuppressedContact": Table("tenant"),
    "customers.Customer": Table("stores"),
    "customers.Vehicle": Table("stores"),
    "customers.CustomerSource": Table("store"),
    "customers.ContactPoint": Table("store"),
    "customers.Consent": Table("store"),
    "customers.CustomerTag": Table("store"),
    "customers.Ownership": Table("store"),
    "customers.Visit": Table("store"),
    "customers.VisitLine": Table("store"),
    "customers.Contract": Table("store"),
    "customers.Event": Table("store"),
    "customers.Survey": Table("store"),
    "customers.FollowUp": Table("store"),
    "customers.MarketingSpend": Table("store"),
    "customers.RecordRevision": Table("store", "append"),
    "customers.BrandPolicy": Table("unit", read="tenant"),
    "customers.Task": Table("unit"),
    "customers.TaskMeasurement": Table("unit", "append"),
    "customers.MonthlyFinancials": Table("unit"),
    "customers.Target": Table("unit"),
    "customers.MergeDecision": Table("tenant"),
    "customers.MergeProposal": Table("stores"),
    "customers.BeforeMerge": Table("stores"),
    "customers.MatchDue": Table("tenant"),
    "customers.ImportProfile": Table("tenant"),
    "customers.ImportRun": Table("tenant"),
    "customers.ImportFile": Table("tenant"),
    "customers.RejectedRow": Table("tenant"),
    "customers.Comparable": Table("tenant"),
    "customers.Delivery": Table("tenant"),
    "customers.QualityReport": Table("tenant", "append"),
    "ml.TrainingRun": Table("tenant"),
    "ml.BackTest": Table("tenant"),
    "ml.ChampionChange": Table("tenant"),
    "ml.ModelVersion": Table("tenant", "append"),
    "ml.ScoreSet": Table("tenant"),
    "ml.Score": Table("store"),
    "ml.ScoringChunk": Table("tenant"),
    "ml.QuarantinedCustomer": Table("store"),
    "valuation.Assumptions": Table("tenant", "append"),
    "valuation.Valuation": Table("tenant", "append"),
    "valuation.ValuedUnit": Table("unit", "append"),
    "valuation.ValuedCustomer": Table("store", "append"),
    "valuation.Approval": Table("tenant", "append"),
    "valuation.Structure": Table("unit", "append"),
    "valuation.Export": Table("unit"),
    "valuation.Pseudonym": Table("tenant"),
    "valuation.PoolCandidate": Table("store"),
    "valuation.Pool": Table("unit", "append"),
    "valuation.PoolMember": Table("store", "append"),
    "valuation.PoolSalt": Table("tenant"),
    "valuation.Scenario": Table("tenant", "append"),
    "valuation.IndicatorRun": Table("tenant", "append"),
    "valuation.UnitIndicators": Table("unit", "append"),
    "valuation.BandSet": Table("tenant", "append"),
    "valuation.MoatInput": Table("unit", "append"),
}


@dataclass(frozen=True)
class Work:
    """A command or task. ``scope``: "group" (one group, named), "every group" (each in a context
    of its own), "installation" (the person at the machine), "no data" (opens no row)."""

    scope: Literal["group", "every group", "installation", "no data"]
    note: str


COMMANDS: dict[str, Work] = {
    "apply_retention": Work("group", "deletes what has passed its period"),
    "audit_verify": Work("every group", "recomputes the hash chains; writes nothing"),
    "rotate_keys": Work("every group", "wraps the keys of persons anew"),
    "backtest": Work("group", "writes the results of back-tests"),
    "carry_out_backtest": Work("group", "started by the worker with the id of the group"),
    "assess_quality": Work("group", "writes a quality report"),
    "carry_out_training": Work("group", "started by the worker with the ids of group and run"),
    "import_data": Work("group", "writes records"),
    "make_follow_ups": Work("group", "writes the daily lists"),
    "retrain": Work("group", "writes a training run"),
    "old_scores": Work("group", "drops the scores that are not kept"),
    "rollback_scores": Work("group", "withdraws the score set in use"),
    "cancel_training": Work("group", "ends the runs under way"),
    "scores": Work("group", "writes a CSV file"),
    "value": Work("group", "writes a valuation"),
    "indicators": Work("group", "writes the months of units"),
    "demo_accounts": Work("group", "sets passwords, in a demonstration alone"),
    "demo_history": Work("group", "values and approves last month, in a demonstration alone"),
    "migrate": Work("installation", "signs in as the owner of the tables"),
    "demo": Work("installation", "makes a demonstration on this machine"),
    "bench": Work("no data", "measures on a scratch database of its own"),
    "compile_translations": Work("no data", "writes catalogues"),
    "data_format": Work("no data", "prints the exchange format"),
    "generate_demo": Work("no data", "writes made-up files"),
    "waterfall": Work("no data", "computes from a file"),
}
TASKS: dict[str, Work] = {
    "customers.quality.tasks.assess": Work("group", "writes a quality report"),
    "customers.tasks.run_import": Work("group", "loads a queued run"),
    "customers.tasks.look_for_deliveries": Work(
        "every group", "asks a task for each group with files in its drop folder"
    ),
    "customers.tasks.load_deliveries": Work("group", "loads what lies in the group's drop folder"),
    "customers.tasks.make_follow_ups": Work("every group", "writes the daily lists"),
    "customers.tasks.apply_retention": Work("every group", "deletes what has passed its period"),
    "organization.tasks.forget_expired_sign_ins": Work(
        "installation", "deletes expired sessions and counts"
    ),
    "organization.tasks.log_audit_heads": Work("every group", "logs the newest hashes"),
    "ml.tasks.backtest": Work("group", "starts carry_out_backtest"),
    "ml.tasks.backtest_all_groups": Work("every group", "queues back-tests"),
    "ml.tasks.train": Work("group", "starts carry_out_training"),
    "ml.tasks.help_scoring": Work("group", "starts carry_out_training --chunks"),
    "ml.tasks.retrain_all_groups": Work("every group", "queues a training run"),
    "ml.tasks.score_all_groups": Work("every group", "queues a scoring run"),
    "ml.tasks.drop_old_scores": Work("every group", "drops the scores that are not kept"),
    "ml.tasks.requeue_expired": Work("every group", "takes up abandoned runs"),
    "valuation.tasks.value_group": Work("group", "writes a valuation"),
    "valuation.tasks.build_export": Work("group", "builds the file of one export"),
    "valuation.tasks.value_all_groups": Work("every group", "queues valuations"),
    "valuation.tasks.record_indicators": Work("group", "writes the months of units"),
    "valuation.tasks.record_all_indicators": Work("every group", "queues recordings"),
    "valuation.tasks.look_for_loads": Work("every group", "queues recordings after loads"),
    "valuation.tasks.record_after_loads": Work("group", "writes the months that loads touched"),
    "valuation.tasks.measure_tasks": Work("every group", "closes or reopens tasks"),
}
# Where files leave the product: module → the routes and commands whose rule covers it.
EXPORTS: dict[str, tuple[str, ...]] = {
    "valuation.reports.pages": ("export_file",),
    "valuation.reports.deal_page": ("structure_workbook",),
    "customers.importing.pages": ("import_refusals",),
    "customers.privacy.files": ("privacy_carry_out",),
    "ml.management.commands.scores": ("scores",),
    "ml.change_pages": ("champion_change_csv",),
    "valuation.pools.pages": ("pool_export",),
    "valuation.pools.tape": ("pool_export",),
    "valuation.lineage.page": ("figure_rows",),
    "valuation.segments.customer_page": ("segment_csv",),
    "valuation.segments.load_page": ("workload_csv",),
}
