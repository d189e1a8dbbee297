"""What the operator asked for: YAML in and out, the strategies, and the plan that follows."""

from chimera.core.spec.describe import describe
from chimera.core.spec.dumper import dump
from chimera.core.spec.loader import load
from chimera.core.spec.models import Spec, Target
from chimera.core.spec.normal import limits_of, plan_of, service_of
from chimera.core.spec.presets import PRESETS, Preset, Strategy
from chimera.core.spec.samples import FULL, TEN_LINES
from chimera.core.spec.schema import json_schema
from chimera.core.spec.values import Duration, Percent

__all__ = [
    "FULL",
    "PRESETS",
    "TEN_LINES",
    "Duration",
    "Percent",
    "Preset",
    "Spec",
    "Strategy",
    "Target",
    "describe",
    "dump",
    "json_schema",
    "limits_of",
    "load",
    "plan_of",
    "service_of",
]
