"""A model that is a program: for tests, benchmarks and a demo without a key."""

from .lexicon import LEXICON, label_of
from .model import SimulatedModel
from .plans import DEMO_QUESTION
from .subcalls import NO_ANSWER, NOTICE

__all__ = ["DEMO_QUESTION", "LEXICON", "NOTICE", "NO_ANSWER", "SimulatedModel", "label_of"]
