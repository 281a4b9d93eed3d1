"""The meter's two lines, in the loops of frameworks: each is a program of its own, as people write them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_BEGIN = """
import json, torch, taximeter
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

images, labels = torch.randn(40, 4), torch.randint(2, (40,))
meter = taximeter.Meter(project="frameworks", price="3600", listen="127.0.0.1:0")
"""

_END = """
bill = meter.end()
meter.close(last_scrape_seconds=0)
phases = {part.phase: part.seconds for part in bill.phases}
print(json.dumps([bill.steps, bill.samples, bill.epochs, bill.seconds, phases["forward_backward"]]))
"""

_LIGHTNING = """
from lightning import LightningModule, Trainer

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
    def training_step(self, batch, number):
        return cross_entropy(self.layer(batch[0]), batch[1])
    def validation_step(self, batch, number):
        self.log("loss", cross_entropy(self.layer(batch[0]), batch[1]))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters())

loader = DataLoader(TensorDataset(images, labels), batch_size=8)
trainer = Trainer(max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
                  enable_model_summary=False)
trainer.fit(Model(), meter.steps(loader), loader)
"""

_HUGGING_FACE = """
from transformers import Trainer, TrainingArguments

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
    def forward(self, x, labels):
        logits = self.layer(x)
        return {"loss": cross_entropy(logits, labels), "logits": logits}

class MeteredTrainer(Trainer):
    def get_train_dataloader(self):
        return meter.steps(super().get_train_dataloader())

MeteredTrainer(
    Model(),
    TrainingArguments("out", num_train_epochs=3, per_device_train_batch_size=8, use_cpu=True, report_to=[],
                      save_strategy="no", disable_tqdm=True),
    train_dataset=[{"x": x, "labels": label} for x, label in zip(images, labels)],
).train()
"""


@pytest.mark.parametrize(
    "loop", [pytest.param(_LIGHTNING, id="lightning"), pytest.param(_HUGGING_FACE, id="transformers")]
)
def test_the_loop_of_a_framework_is_metered_by_its_loader(loop: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    program = subprocess.run(
        [sys.executable, "-c", _BEGIN + loop + _END],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    steps, samples, epochs, seconds, forward_backward = json.loads(program.stdout.splitlines()[-1])
    assert (steps, samples, epochs) == (15, 120, 3)
    assert 0 < forward_backward < seconds
