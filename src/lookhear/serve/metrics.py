"""Metrics of the server in Prometheus' format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of one server in a separate registry, so that two servers in one process do not mix."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        ProcessCollector(registry=own)
        self.requests = Counter("lookhear_requests", "Answered requests.", ["route", "method", "status"], registry=own)
        self.latency = Histogram(
            "lookhear_request_seconds", "Time to the end of the answer.", ["route"], buckets=BUCKETS, registry=own
        )
        self.open = Gauge("lookhear_requests_open", "Requests under way.", registry=own)
        self.uploaded = Counter("lookhear_uploaded_bytes", "Bytes of accepted files.", registry=own)
        self.stored = Gauge("lookhear_stored_bytes", "Bytes of kept files.", registry=own)
        self.waiting = Gauge("lookhear_tasks_waiting", "Tasks that wait for a worker.", ["pool"], registry=own)
        self.busy = Gauge("lookhear_workers_busy", "Workers at work.", ["pool"], registry=own)
        self.starts = Counter("lookhear_worker_restarts", "Workers started again.", ["pool"], registry=own)
        self.killed = Counter("lookhear_workers_lost", "Workers lost, by reason.", ["pool", "reason"], registry=own)
        self.watched = Counter("lookhear_clips", "Clips asked about, by where they came from.", ["cache"], registry=own)
        self.asked = Counter("lookhear_questions", "Questions answered.", ["model"], registry=own)
        self.refused = Counter("lookhear_refusals", "Requests refused, by code.", ["code"], registry=own)

    def text(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
