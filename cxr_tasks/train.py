"""One variant's training as a stage: from the split to a finished folder."""

import math
import os
import resource
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr_tasks.checkpoint import Checkpoint
