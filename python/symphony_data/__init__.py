"""Pools of language model tasks of controlled difficulty, the same for the same seed.

>>> import symphony_data
>>> builder = symphony_data.DatasetBuilder("demo.yaml")
>>> results = builder.preprocess_all_benchmarks("full")
>>> tasks = builder.build_task_stream(["gsm8k"], n_total_tasks=20)
>>> tasks
<TaskStream: 20 tasks (gsm8k); 10 easy, 10 hard>
>>> [task.difficulty_bin for task in tasks].count("hard")
10
"""

from collections.abc import Sequence

from ._builder import DatasetBuilder
from ._core import Task, TaskStream, __version__
from ._duplicates import DuplicatesReport
from ._errors import (
    ConfigError,
    MissingDataError,
    MissingSourceError,
    RequestError,
    ResponseError,
    SourceError,
    SymphonyDataError,
    SymphonyDataWarning,
)
from ._evidence import Calibration, ReferenceCard, ValidationReport, WrittenResponses
from ._export import Exported
from ._frames import make_dataclass
from ._report import Report, teach_streams
from ._results import Results

Sequence.register(TaskStream)
make_dataclass()
teach_streams()

__all__ = [
    "Calibration",
    "ConfigError",
    "DatasetBuilder",
    "DuplicatesReport",
    "Exported",
    "MissingDataError",
    "MissingSourceError",
    "ReferenceCard",
    "Report",
    "RequestError",
    "ResponseError",
    "Results",
    "SourceError",
    "SymphonyDataError",
    "SymphonyDataWarning",
    "Task",
    "TaskStream",
    "ValidationReport",
    "WrittenResponses",
    "__version__",
]
