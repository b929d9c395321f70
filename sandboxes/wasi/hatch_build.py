"""The wheel's build hook: makes the guest from what PyPI offers alone, unless it is there and as its sources say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GuestHook(BuildHookInterface):
    """Runs for wheels and editable installs; the source distribution holds the sources alone."""

    PLUGIN_NAME = "wasi-guest"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the artefact in its place, where the wheel takes it from."""
        sys.path.insert(0, str(Path(self.root) / "sandboxes"))
        from wasi.builder.make import BuildError, is_current, make

        if is_current():
            return
        self.app.display_info("building the guest of the wasi sandbox; this takes some seconds")
        try:
            make(say=self.app.display_info)
        except BuildError as error:
            self.app.abort(f"the guest of the wasi sandbox could not be built: {error}")
