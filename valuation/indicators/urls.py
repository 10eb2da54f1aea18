"""Addresses of indicators, of what stands behind each figure, and of tasks."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from valuation.improvement import pages as improvement
from valuation.indicators import entry_pages, pages
from valuation.lineage import page as lineage

_FIGURE = "indicators/<str:code>/<str:key>/"
urlpatterns = [
    path("indicators/", login_required(pages.unit_indicators), name="indicators"),
    path("indicators/record", login_required(pages.record_now), name="record_indicators"),
    path("indicators/bands/store", login_required(entry_pages.store_bands), name="store_bands"),
    path("indicators/bands/", login_required(entry_pages.indicator_bands), name="indicator_bands"),
    path("indicators/<str:code>/", login_required(pages.unit_indicators), name="unit_indicators"),
    path(
        "indicators/<str:code>/moat/", login_required(entry_pages.moat_inputs), name="moat_inputs"
    ),
    path(_FIGURE, login_required(lineage.figure), name="figure"),
    path(f"{_FIGURE}rows.csv", login_required(lineage.figure_rows), name="figure_rows"),
    path(f"{_FIGURE}task", login_required(improvement.new_task), name="new_task"),
    path("tasks/", login_required(improvement.task_list), name="tasks"),
    path("tasks/<int:pk>/", login_required(improvement.task_page), name="task"),
    path("tasks/<int:pk>/owner", login_required(improvement.task_owner), name="task_owner"),
    path("tasks/<int:pk>/done", login_required(improvement.task_done), name="task_done"),
]
