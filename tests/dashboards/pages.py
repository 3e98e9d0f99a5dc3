"""What a dashboard is made of here, and how it becomes Grafana's JSON."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${source}")
TAG: Final = "smsout"

Queries = tuple[tuple[str, str], ...]
"""Expressions in PromQL, each with the legend of its series."""


class Graph(NamedTuple):
    """Lines over time. `normal` says what they look like when all is well."""

    title: str
    normal: str
    unit: str
    queries: Queries
    wide: bool = False


class Number(NamedTuple):
    """One figure of now, green below `warns_at`, then orange; `red_at` and beyond it is red."""

    title: str
    normal: str
    unit: str
    query: str
    warns_at: float | None = None
    red_at: float | None = None


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: Sequence[Graph | Number]


class Choice(NamedTuple):
    """A drop-down list of `label`'s values in `metric`, shown as `shown` of it."""

    name: str
    title: str
    metric: str
    label: str
    shown: str


class Page(NamedTuple):
    """A dashboard."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    choice: Choice | None = None


def quantiles(metric: str, by: str = "", where: str = "") -> Queries:
    """Return the median and the 99th percentile of a histogram over five minutes."""
    groups = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        (f"histogram_quantile({quantile}, sum by ({groups}) (rate({metric}_bucket{where}[5m])))", f"{name}{legend}")
        for quantile, name in ((0.5, "median"), (0.99, "99 %"))
    )


def json_of(page: Page) -> str:
    """Return a dashboard as Grafana reads it."""
    built = (
        dashboard.Dashboard(f"smsout: {page.title}").uid(f"smsout-{page.name}").description(page.about)
        .tags([TAG]).time("now-1h", "now").refresh("10s").timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR).readonly()
        .link(
            dashboard.DashboardLink("smsout").type(DashboardLinkType.DASHBOARDS).tags([TAG])
            .keep_time(True).include_vars(False)
        )
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )  # fmt: skip
    if page.choice is not None:
        built = built.with_variable(_variable(page.choice))
    numbers = count(1)
    for row in page.rows:
        built = built.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            made = _graph(panel) if isinstance(panel, Graph) else _number(panel)
            built = built.with_panel(made.id(next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def _variable(choice: Choice) -> Any:
    # The list shows names, and the value is the id: Grafana takes both from named groups. Labels come sorted.
    groups = {choice.label: "value", choice.shown: "text"}
    regex = ".*".join(f'\\b{label}="(?<{groups[label]}>[^"]+)"' for label in sorted(groups))
    return (
        dashboard.QueryVariable(choice.name).label(choice.title).datasource(SOURCE)
        .query(f"query_result({choice.metric})")
        .regex(f"/{regex}/")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )  # fmt: skip


def _target(expression: str, legend: str, *, instant: bool = False) -> Any:
    query = prometheus.Dataquery().datasource(SOURCE).expr(expression).legend_format(legend)
    return query.instant() if instant else query.range()


def _graph(panel: Graph) -> Any:
    built = (
        timeseries.Panel().title(panel.title).description(panel.normal).unit(panel.unit).datasource(SOURCE)
        .height(8).span(24 if panel.wide else 12).min(0).fill_opacity(8).show_points(VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().show_legend(True))
    )  # fmt: skip
    for expression, legend in panel.queries:
        built = built.with_target(_target(expression, legend))
    return built


def _number(panel: Number) -> Any:
    steps = [Threshold(value=None, color="green")]
    steps += [Threshold(value=at, color=color) for at, color in ((panel.warns_at, "orange"), (panel.red_at, "red"))
              if at is not None]  # fmt: skip
    return (
        stat.Panel().title(panel.title).description(panel.normal).unit(panel.unit).datasource(SOURCE)
        .height(4).span(4)
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(_target(panel.query, "", instant=True))
    )  # fmt: skip
