"""The real server on a free port. PLAYGROUND_BIN names its program; without it, it is built."""

import os
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "control-plane"


class ControlPlane:
    def __enter__(self) -> str:
        self._folder = tempfile.TemporaryDirectory()
        program = os.environ.get("PLAYGROUND_BIN")
        if not program:
            program = str(Path(self._folder.name) / "playground")
            subprocess.run(["go", "build", "-o", program, "./cmd/playground"], cwd=SOURCE, check=True)
        self._process = subprocess.Popen([program, "serve", "--addr", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        return self._process.stdout.readline().split()[-1]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()
