"""Upstream's GPU worker with the report. Apart from `worker.py`, whose imports stub torch.cuda."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from vllm.logger import init_logger
from vllm.v1.worker.gpu_worker import Worker

from vllm_gfx import report, report_model
from vllm_gfx.vram.worker import WatchMixin

logger = init_logger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it


class ReportMixin:
    """For a vLLM worker: fills `vllm_gfx.report` once the model is loaded, and hands it out."""

    model_runner: Any

    def load_model(self, *args: Any, **kwargs: Any) -> None:
        """Load as the worker does, then record and log what serves each layer."""
        super().load_model(*args, **kwargs)  # type: ignore[misc]
        report_model.collect(self.model_runner.get_model())
        logger.info("served by: %s", report.summary(report.rows()))

    def gfx_report(self) -> list[dict[str, str]]:
        """The rows of `vllm_gfx.report` in this process, for `LLM.collective_rpc`."""
        return [asdict(row) for row in report.rows()]


class GfxWorker(ReportMixin, WatchMixin, Worker):
    """Upstream's GPU worker with the report and an eye on spilled memory."""
