"""Reads /metrics as Prometheus does."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.support.http import get

OPEN = "application/openmetrics-text; version=1.0.0"


class Scraped:
    """What one scrape has told."""

    def __init__(self, url: str, *, accept: str = "") -> None:
        answer = get(url, "/metrics", {"accept": accept} if accept else {})
        assert answer.status == 200, answer.body
        self.text = answer.body.decode()
        self.form = answer.header("content-type") or ""
        self.families: list[Metric] = list((open_metrics if "openmetrics" in accept else plain)(self.text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of the one sample with these labels; 0.0 where there is none."""
        found = [one.value for one in self.samples if one.name == name and one.labels == labels]
        assert len(found) < 2
        return found[0] if found else 0.0

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of all samples that have these labels, among others."""
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())

    def label(self, name: str) -> set[str]:
        """Return every value of a label."""
        return {one.labels[name] for one in self.samples if name in one.labels}
