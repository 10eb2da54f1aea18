"""What the product's source must not do, and the places that may, each with its reason."""

import ast
import re
import subprocess

import pytest
from django.apps import apps

from organization.scoping import ScopedManager
from tests.access.rules import EXPORTS, ROUTES
from tests.access.sources import ROOT, dotted, modules, nodes, templates
from tests.access.world import OURS

# Modules that send SQL of their own; the sets of rows that they touch are bound by the policies.
RAW_SQL = {
    "config.demo": "asks which groups there are before Django starts",
    "config.operations": "asks whether the database answers",
    "config.bench.filled": "fills a scratch database",
    "config.bench.exports": "lays made-up answers into a scratch database",
    "config.bench.bulk_load": "fills a scratch database",
    "config.bench.group": "finds the scratch server's process",
    "config.bench.importing": "measures a bare COPY in a scratch database",
    "config.bench.pages": "switches the policies off in a scratch database",
    "config.bench.pool": "measures against plain SQL in a scratch database",
    "config.services": "makes roles and databases of the embedded server",
    "organization.access": "hands the context to the database",
    "organization.checks": "asks what the role may do",
    "customers.deliveries.loading": "asks for the imports' advisory lock",
    "customers.follow_ups": "fills the daily lists of a group in one statement",
    "config.bench.identity": "lays made-up numbers into a scratch database",
    "customers.identity.around": "finds whom changed numbers bear on",
    "customers.identity.automatic": "records the decisions of an import in one statement",
    "customers.identity.before": "keeps and gives back what merged customers had, set by set",
    "customers.identity.deleted_numbers": "takes up what deleted numbers left, set by set",
    "customers.identity.evidence": "joins all numbers of a group on what they share",
    "customers.identity.homes": "home store and advisor of all customers at once",
    "customers.identity.proposals": "joins all customers of a group on what they share",
    "customers.identity.state": "merges and parts people set by set",
    "customers.importing.loading": "writes a delivery set by set",
    "customers.importing.planning": "tells the planner how large a delivery is",
    "customers.importing.recognising": "finds the rows of a delivery that are there already",
    "customers.importing.queueing": "queues imports by an advisory lock",
    "customers.importing.running": "sets the deletions of a delivery apart",
    "customers.importing.sealing": "seals a delivery's numbers set by set",
    "customers.person_keys": "makes and destroys keys set by set",
    "ml.partitions": "adds and drops the partition of a score set",
    "customers.importing.staging": "copies a delivery into a temporary table",
    "customers.quality.counts": "counts every field of every record at once",
    "customers.quality.report": "gives the count its memory",
    "customers.quality.tasks": "one assessment at a time by an advisory lock",
    "customers.service_history": "service dates of many vehicles at once",
    "ml.champion_changes": "holds two score sets against each other, customer by customer",
    "ml.retention": "drops the partition of a score set that is not kept",
    "ml.chunks": "holds the run while a chunk commits",
    "ml.extraction": "reads visit days of a group for the models",
    "ml.visit_rows": "millions of orders by binary COPY",
    "ml.freshness": "where scores stand, in one statement a page",
    "ml.preparation": "reads all records of one state of the database",
    "ml.publication": "publishes scores with their tags",
    "ml.score_copy": "copies scores into their partition",
    "ml.score_file": "copies scores into a file",
    "ml.training": "counts what was written",
    "valuation.archive": "writes and reads a million valued customers",
    "valuation.books": "sums of the books by unit",
    "valuation.contracted": "contracts in force by store and month",
    "valuation.engine": "one valuation at a time by an advisory lock",
    "valuation.roll_forward": "customers of two valuations side by side",
    "valuation.reports.outturn": "what valued customers paid since",
    "valuation.lineage.parts_evidence": "reads a unit's valued customers at once",
    "valuation.reports.audit_sample": "draws a sample by the database",
    "valuation.reports.records": "sums of the records by month for reports",
    "valuation.indicators.after_loads": "the earliest day that loads have touched",
    "valuation.indicators.recording": "one recording of a group at a time by an advisory lock",
    "valuation.indicators.reading": "home customers, cars and books of all stores at once",
    "valuation.inputs": "reads a million curves at once",
    "valuation.pools.actuals": "sums of what a pool's members paid since the cut",
    "valuation.pools.band": "samples a pool's histories",
    "valuation.pools.candidates": "renews the rows that pool rules ask, set by set",
    "valuation.pools.cut": "writes a pool's members set by set",
    "valuation.pools.revolving": "reads a pool's members at once",
    "valuation.pools.selection": "counts and sums a pool by one GROUP BY",
    "valuation.pools.static_pools": "visits of a pool by cohort and quarter",
    "valuation.pools.strata": "sums of a pool by class",
    "valuation.pools.tape": "copies a tape",
    "valuation.segments.reading": "weekly visits and curves of all stores at once",
    "valuation.lineage.reading": "rows behind a figure, by the counters' own conditions",
}
SAFE_MARKUP = {
    "web.charts.figure": "marks are built by web.charts.svg, which escapes",
    "web.charts.lines": "numbers and escaped text only",
}
PROCESSES = {
    "config.demo": "starts the demonstration's own services",
    "config.embedded": "starts the embedded servers",
    "config.bench.api": "starts gunicorn on a scratch database",
    "config.bench.scratch": "starts a measurement in a process of its own",
    "ml.tasks": "trains outside the worker's forked process",
}
# Paths come from the file system or from settings, or are made here; never from a request.
FILES_OF_REQUESTS = {
    "customers.importing.uploads": "kept under names that are made here (test_uploads)",
    "customers.importing.profile_pages": "a sample's path, held below the product's own folder",
    "customers.importing.pages": "paths of a run's row, held below the product's own folders",
    "ml.score_file": "the path that the command line names",
}
MODELS = {m.__name__: m for m in apps.get_models() if m._meta.app_label in OURS}


def places(found: dict[str, list[int]]) -> list[str]:
    return [f"{module}:{line}" for module, lines in found.items() for line in lines]


def calls(*names: str) -> dict[str, list[int]]:
    """Lines of calls whose dotted name ends with one of ``names``, by module."""
    found: dict[str, list[int]] = {}
    for module in modules():
        for node in nodes(module):
            if isinstance(node, ast.Call) and any(
                dotted(node.func) == n or dotted(node.func).endswith(f".{n}") for n in names
            ):
                found.setdefault(module, []).append(node.lineno)
    return found


def mentions(*names: str) -> dict[str, list[int]]:
    """Lines where one of ``names`` is imported, read or written as a name or attribute."""
    found: dict[str, list[int]] = {}
    for module in modules():
        for node in nodes(module):
            spelled = {
                ast.Name: lambda n: [n.id],
                ast.Attribute: lambda n: [n.attr],
                ast.ImportFrom: lambda n: [n.module or "", *(a.name for a in n.names)],
                ast.Import: lambda n: [a.name for a in n.names],
            }.get(type(node), lambda n: [])(node)
            if set(spelled) & set(names):
                found.setdefault(module, []).append(node.lineno)
    return found


def test_sql_is_written_in_named_modules_alone() -> None:
    sends = ("cursor", "objects.raw", "extra", "RawSQL", "cursor.execute", "cursor.executemany")
    found = calls(*sends, "connection.execute")
    assert sorted(found) == sorted(RAW_SQL), "add the module with its reason, or drop the reason"


def test_no_query_is_put_together_from_a_request() -> None:
    """Modules with views send no SQL; what they need stands in a named module behind a function."""
    views = {m for m in modules() if any("request" in arguments(n) for n in nodes(m))}
    assert views & set(RAW_SQL) - {"config.operations"} == set()


def arguments(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    return [a.arg for a in node.args.args]


def test_every_owned_model_has_the_manager_that_refuses() -> None:
    loose = [
        model.__name__
        for model in MODELS.values()
        if getattr(model, "row_scope", "") not in ("self", "none")
        and not isinstance(model._default_manager, ScopedManager)
    ]
    assert loose == []


def test_nobody_goes_round_the_manager() -> None:
    """``_base_manager`` and ``_default_manager`` ask without an access."""
    assert mentions("_base_manager", "_default_manager") == {}


def _query_of(node: ast.AST) -> str:
    """The model of ``Model.objects.method(…)``, where it is one of ours and owned."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        base = node.func.value
        if isinstance(base, ast.Attribute) and base.attr == "objects":
            name = dotted(base.value)
            scope = getattr(MODELS.get(name), "row_scope", "none")
            if scope not in ("self", "none"):
                return name
    return ""


# Reads in modules with views that start otherwise, each cut by what is said here.
WITHOUT_VISIBLE_TO = {
    ("customers.privacy.consents", "Consent"): "written, for stores that the access covers",
    ("customers.transfer", "Assignment"): "of a person that was looked up as administered",
    ("customers.transfer", "Staff"): "who works at the unit of that assignment",
    ("ml.model_pages", "ModelVersion"): "of a run that was looked up with the access",
    ("organization.grant_pages", "Assignment"): "posts of those whose grants are seen",
    ("organization.grant_pages", "Staff"): "by the login that was typed, nobody is listed",
    ("organization.people", "Assignment"): "of a person that was looked up as administered",
    ("organization.token_pages", "Unit"): "names of the units of one's own tokens",
    ("organization.trail", "Assignment"): "who was assigned to the access's units",
    ("valuation.improvement.pages", "Staff"): "the person who asks",
    ("valuation.league", "Staff"): "the person who asks",
}


def test_pages_ask_with_their_access() -> None:
    """In modules with views every read of an owned model starts with ``visible_to(access)``."""
    methods = {"create", "get_or_create", "bulk_create", "visible_to", "none"}
    found = set()
    for module in modules():
        if not any("request" in arguments(n) for n in nodes(module)):
            continue
        for node in nodes(module):
            if (model := _query_of(node)) and node.func.attr not in methods:  # type: ignore[attr-defined]
                found.add((module, model))
    assert sorted(found - set(WITHOUT_VISIBLE_TO)) == []
    assert sorted(set(WITHOUT_VISIBLE_TO) - found) == [], "no longer needed"


@pytest.mark.parametrize("name", ["csrf_exempt", "xframe_options_exempt", "csp_exempt"])
def test_no_protection_of_the_browser_is_lifted(name: str) -> None:
    assert places(mentions(name)) == []


def test_markup_is_called_safe_in_named_modules_alone() -> None:
    assert sorted(mentions("mark_safe", "SafeText")) == sorted(SAFE_MARKUP)


def test_templates_escape_everything() -> None:
    loose = [
        path
        for path, text in templates().items()
        if re.search(r"\|\s*safe(seq)?\b|autoescape\s+off", text)
    ]
    assert loose == []


def test_templates_have_no_script_style_or_handler_of_their_own() -> None:
    pattern = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.I)
    loose = {path for path, text in templates().items() if pattern.search(text)}
    assert loose == {"customers/templates/customers/privacy/copy.html"}  # a file to keep, no page


def test_fields_of_forms_and_serializers_are_listed() -> None:
    """``__all__`` and ``exclude`` would show the next column that a model gets."""
    loose = []
    for module in modules():
        for node in nodes(module):
            if isinstance(node, ast.Assign):
                names = {dotted(target) for target in node.targets}
                value = node.value
                everything = isinstance(value, ast.Constant) and value.value == "__all__"
                if (names & {"fields"} and everything) or "exclude" in names:
                    loose.append(f"{module}:{node.lineno}")
    assert loose == []


@pytest.mark.parametrize(
    "name", ["eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"]
)
def test_no_text_is_run(name: str) -> None:
    found = {
        m: [n.lineno for n in nodes(m) if isinstance(n, ast.Call) and dotted(n.func) == name]
        for m in modules()
    }
    assert places(found) == []


def test_nothing_is_unpickled() -> None:
    assert mentions("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve") == {}


def test_processes_are_started_by_named_modules_without_a_shell() -> None:
    assert sorted(calls("subprocess.run", "subprocess.Popen", "subprocess.call")) == sorted(
        PROCESSES
    )
    shells = [
        f"{module}:{node.lineno}"
        for module in modules()
        for node in nodes(module)
        if isinstance(node, ast.keyword)
        and node.arg == "shell"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert shells == []


def test_views_touch_files_in_named_modules_alone() -> None:
    """A page that makes a path from what was sent could be led out of its folder."""
    found = set()
    for module in modules():
        has_views = any("request" in arguments(n) for n in nodes(module))
        if has_views and {"Path", "open"} & {
            dotted(n.func) for n in nodes(module) if isinstance(n, ast.Call)
        }:
            found.add(module)
    assert found <= set(FILES_OF_REQUESTS)


# They write made-up files, refusals into the product's own folder (which a route hands out), and
# rows into a COPY.
WRITERS = {
    *("customers.demonstration.writer", "customers.importing.refusals"),
    "config.bench.bulk_load",
}


def test_every_module_that_hands_out_a_file_names_its_rule() -> None:
    makers = calls("FileResponse", "StreamingHttpResponse", "to_csv", "csv.writer")
    makers = {m: lines for m, lines in makers.items() if m not in WRITERS}
    assert sorted(makers) == sorted(EXPORTS)
    from tests.access.rules import COMMANDS

    assert {one for rules in EXPORTS.values() for one in rules} <= set(ROUTES) | set(COMMANDS)


SECRET = re.compile(
    r"""-----BEGIN[ A-Z]*PRIVATE\ KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}
    |\bxox[abpr]-[A-Za-z0-9-]{10,}|\beyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}
    |(?:password|passwd|secret|token|api_?key)["']?\s*[:=]\s*["'][A-Za-z0-9+/=_-]{16,}["']""",
    re.VERBOSE | re.IGNORECASE,
)


def test_the_repository_holds_no_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("the source was unpacked without git")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 1 << 20:
            text = path.read_bytes().decode("utf-8", "ignore")
            found += [f"{name}: {hit.group()[:40]}" for hit in SECRET.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AKIA" + "A" * 16,
        "api_key = '" + "a1" * 12 + "'",
    ],
)
def test_a_secret_would_be_seen(text: str) -> None:
    assert SECRET.search(text)
