"""Run by tests as `hooke` on a machine that dies in the middle of training, as a pulled plug leaves it."""

from __future__ import annotations

import os
import signal

from hooke.cli.main import run
from hooke.train.loop import Trainer

LAST_STEP = 7


class Dying(Trainer):
    def _keep_step(self) -> None:
        if self.step == LAST_STEP:
            os.kill(os.getpid(), signal.SIGKILL)


Trainer._keep_step = Dying._keep_step  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
