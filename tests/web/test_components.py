"""Component tags: what they show and what they refuse."""

import datetime as dt

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from web import icons
from web.components import Lineage, Progress, TimelineEntry
from web.paging import page_number, slice_page
from web.tables import Column, Sorting, Table

pytestmark = pytest.mark.usefixtures("english")

COLUMNS = [
    Column("store", "Store", order="name", link=lambda row: f"/stores/{row['id']}"),
    Column("visits", "Visits", "integer", order="visit_count"),
    Column("margin", "Margin", "money"),
]
ROWS = [
    {"id": 1, "store": "East <1>", "visits": 1200, "margin": 1_234_500},
    {"id": 2, "store": "West", "visits": None, "margin": -50_000},
]


def render(source: str, path: str = "/", **context: object) -> str:
    context["request"] = RequestFactory().get(path)
    return Template("{% load ui formats %}" + source).render(Context(context))


def sorted_by(query: str, default: str = "-visits") -> Sorting:
    return Sorting.of(RequestFactory().get(f"/{query}"), COLUMNS, default)


def test_delta_colours_follow_what_is_welcome() -> None:
    assert 'class="delta good"' in render("{% delta 0.04 %}")
    assert 'class="delta warn"' in render("{% delta 0.04 good='down' %}")
    assert 'class="delta "' in render("{% delta 0.04 good='none' %}")
    assert 'class="delta "' in render("{% delta 0.0 %}")


def test_delta_of_points_and_of_nothing() -> None:
    assert "+1.2 pp" in render("{% delta 0.012 kind='points' label='YoY' %}")
    assert "–" in render("{% delta change %}", change=None)


def test_tile_shows_value_delta_and_target() -> None:
    html = render("{% tile 'Visits' n|integer delta=-0.02 target='17,000' %}", n=16830)
    assert "16,830" in html
    assert "−2.0%" in html
    assert "target 17,000" in html


def test_tile_without_extras_has_no_foot() -> None:
    assert "tile-foot" not in render("{% tile 'Visits' 3 %}")


def test_lineage_names_formula_rows_and_model() -> None:
    lineage = Lineage(
        "a / b", "41 visits", "/rows", dt.date(2026, 11, 1), "bgnbd-7", [("Set", "A-7")]
    )
    html = render("{% lineage lineage label='Rate' %}", lineage=lineage)
    for part in ("a / b", 'href="/rows"', "1 Nov 2026", "bgnbd-7", "A-7", "Behind the figure Rate"):
        assert part in html


def test_icon_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        icons.icon("unicorn")


def test_table_escapes_formats_links_and_marks() -> None:
    table = Table(COLUMNS, ROWS, tone=lambda row: "bad" if row["margin"] < 0 else "")
    html = render("{% data_table table %}", table=table)
    assert '<a href="/stores/1">East &lt;1&gt;</a>' in html
    assert '<td class="num">¥12.3k</td>' in html
    assert '<td class="num">–</td>' in html
    assert html.count('class="tone-bad"') == 1


def test_empty_table_is_an_empty_state() -> None:
    assert "No store yet" in render(
        "{% data_table t %}", t=Table(COLUMNS, [], empty="No store yet")
    )


def test_total_stands_in_the_foot_without_a_link() -> None:
    total = {"id": 0, "store": "All", "visits": 1200, "margin": 1_184_500}
    html = render("{% data_table t %}", t=Table(COLUMNS, ROWS, total=total))
    foot = html[html.index("<tfoot>") :]
    assert "¥11.8k" in foot
    assert "href" not in foot


def test_sorting_comes_from_the_address() -> None:
    assert sorted_by("?sort=store") == Sorting("store", descending=False)
    assert sorted_by("?sort=-store").order_by(COLUMNS) == "-name"
    assert sorted_by("").order_by(COLUMNS) == "-visit_count"


@pytest.mark.parametrize("asked", ["margin", "-margin", "password", "--store", "name"])
def test_only_sortable_columns_are_sorted_by(asked: str) -> None:
    assert sorted_by(f"?sort={asked}") == Sorting("visits", descending=True)


def test_header_turns_the_order_and_keeps_the_rest_of_the_address() -> None:
    html = render(
        "{% data_table t %}",
        "/?page=3&q=x",
        t=Table(COLUMNS, ROWS, sorting=Sorting("visits", True)),
    )
    assert 'aria-sort="descending"' in html
    assert 'href="?q=x&amp;sort=visits"' in html
    assert 'href="?q=x&amp;sort=store"' in html
    assert "Margin</th>" in html


def test_figures_are_first_sorted_from_the_largest() -> None:
    html = render("{% data_table t %}", t=Table(COLUMNS, ROWS, sorting=Sorting("store")))
    assert 'href="?sort=-visits"' in html


def test_slice_learns_of_a_further_page_without_counting() -> None:
    first, last = slice_page(range(7), 1, 5), slice_page(range(7), 2, 5)
    assert (list(first.object_list), first.has_next(), first.has_previous()) == (
        [0, 1, 2, 3, 4],
        True,
        False,
    )
    assert (list(last.object_list), last.has_next(), last.end_index()) == ([5, 6], False, 7)
    assert slice_page([], 1).start_index() == 0


@pytest.mark.parametrize("raw", [None, "", "0", "-1", "x", "1e3", "9" * 30, "²"])
def test_senseless_page_is_the_first(raw: str | None) -> None:
    assert page_number(raw) == 1


def test_pager_keeps_the_address_and_counts_where_it_can() -> None:
    html = render("{% pager page %}", "/?q=x", page=Paginator(range(95), 20).get_page(2))
    assert 'href="?q=x&amp;page=1"' in html
    assert 'href="?q=x&amp;page=3"' in html
    assert "21–40 of 95" in html
    assert " of " not in render("{% pager page %}", page=slice_page(range(9), 2, 4))


def test_running_work_asks_again_and_finished_work_does_not() -> None:
    running = render("{% progress p %}", p=Progress("Import", "/p", value=30, total=120))
    assert 'hx-get="/p"' in running
    assert "30 / 120 · 25%" in running
    for state in ("done", "failed"):
        assert "hx-get" not in render("{% progress p %}", p=Progress("Import", "/p", state, 3, 4))


def test_work_of_unknown_length_has_no_share() -> None:
    html = render("{% progress p %}", p=Progress("Import", "/p"))
    assert "<progress aria-label" in html
    assert "Running" in html


class CallForm(forms.Form):
    number = forms.CharField(help_text="With area code")
    agreed = forms.BooleanField(required=False)
    outcome = forms.ChoiceField(choices=[("b", "Booked")], widget=forms.RadioSelect)

    def clean(self) -> None:
        self.add_error(None, "Outside calling hours")


def test_form_ties_labels_help_and_errors_to_controls() -> None:
    html = render("{% form_fields form %}", form=CallForm({}))
    assert '<label for="id_number">' in html
    assert 'aria-describedby="id_number_helptext id_number_error"' in html
    assert 'id="id_number_helptext"' in html
    assert 'id="id_number_error"' in html
    assert 'aria-invalid="true"' in html
    assert "<legend>Outcome" in html
    assert "Outside calling hours" in html


def test_timeline_shows_date_title_and_tone() -> None:
    entry = TimelineEntry(
        dt.date(2026, 10, 14), "NPS 4", "Waited", "chat", "bad", badge="Complaint"
    )
    html = render("{% timeline entries %}", entries=[entry])
    assert 'datetime="2026-10-14"' in html
    assert "14 Oct 2026" in html
    assert "timeline-mark bad" in html


def test_button_is_a_link_or_a_control() -> None:
    assert '<a class="button primary" href="/x">' in render(
        "{% button 'Go' href='/x' kind='primary' %}"
    )
    assert 'type="submit" name="outcome" value="booked" data-key="b"' in render(
        "{% button 'Booked' name='outcome' value='booked' key='b' %}"
    ).replace(' aria-keyshortcuts="b"', "")


def test_stale_notice_says_of_when_and_why() -> None:
    html = render("{% stale d 'The gate failed.' %}", d=dt.date(2026, 10, 31))
    assert "These figures are of 31 Oct 2026." in html
    assert "The gate failed." in html


def test_exact_money_stands_behind_the_short_one() -> None:
    html = render("{% exact 123456789 %}")
    assert html == '<data value="1234567.89" title="¥1,234,567.89">¥1.23m</data>'
