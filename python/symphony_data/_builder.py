"""``DatasetBuilder``: the two stages, from Python."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from . import _arguments as argument
from . import _core
from ._arguments import Calibrated, Responses, StrPath
from ._core import Task, TaskStream
from ._duplicates import DuplicatesReport
from ._errors import ConfigError, RequestError
from ._evidence import Calibration, ReferenceCard, ValidationReport, WrittenResponses
from ._export import Exported
from ._notes import Notes, logger
from ._progress import Progress, shown
from ._report import Pool, Report, folder, made
from ._results import Results

FULL_DIR = os.path.join("data", "benchmarks", "full")
"""The default folder of preprocessed benchmarks."""
CONFIG = os.path.join("config", "data_config.yaml")
"""The default configuration."""


class DatasetBuilder:
    """Makes task pools from a configuration.

    Args:
        config: the path of a YAML file, or a dict with the same keys. Default: ``config/data_config.yaml`` where it
            exists, else a built-in configuration: HumanEval, GSM8K, BBH, AMC and Medical QA from the Hugging Face Hub.
            Relative paths in a configuration start at the working directory.
        config_path: another name of `config`, which Symphony 2.0 has.

    Raises:
        MissingDataError: there is no file of this name (a FileNotFoundError).
        ConfigError: the file cannot be read, or the configuration has problems (a ValueError). The message names the
            line of each, or in a dict its key.
        TypeError: `config` is neither a path nor a dict, or the dict holds a value that YAML does not have.

    >>> from symphony_data import DatasetBuilder
    >>> builder = DatasetBuilder("demo.yaml")
    >>> builder.benchmarks
    ['humaneval', 'gsm8k']
    >>> DatasetBuilder({"benchmarks": {"amc": {"path": "synthetic:amc?rows=50"}}})
    <DatasetBuilder: amc>
    """

    def __init__(
        self,
        config: StrPath | Mapping[str, Any] | None = None,
        *,
        config_path: StrPath | Mapping[str, Any] | None = None,
    ) -> None:
        if config is not None and config_path is not None:
            raise TypeError("config and config_path are two names of one argument; give one of them")
        given = config_path if config is None else config
        path = text = None
        if isinstance(given, Mapping):
            text = argument.yaml(given)
        elif isinstance(given, (str, os.PathLike)):
            path = argument.path("config", given)
            if "\n" in path:
                raise ConfigError("config: this is a text of several lines, not a path; give a path or a dict")
        elif given is not None:
            raise TypeError(f"config: expected a path or a dict, found {type(given).__name__}")
        elif os.path.exists(CONFIG):
            path = CONFIG
        else:
            logger.info("there is no %s here: the built-in data_config.yaml is used", CONFIG)
        self._core = _core.Builder(path, text)
        self._full_dir = FULL_DIR

    def __repr__(self) -> str:
        return f"<DatasetBuilder: {', '.join(self.benchmarks)}>"

    @property
    def benchmarks(self) -> list[str]:
        """The enabled benchmarks, in the order of the configuration."""
        return self._core.benchmarks()

    def register_feature(self, name: str, function: Callable[[dict[str, Any]], float], version: str = "1") -> None:
        """Registers the function behind ``{python: NAME}`` in a rule.

        Args:
            name: the name in the configuration.
            function: takes a row (the dict in ``raw_data``) and returns a finite number. It is called from several
                threads. An exception ends preprocessing: the error names row and feature, and has it as its cause.
            version: benchmarks that were scored by another version are preprocessed again; change it when the function
                changes. Default: ``"1"``.

        Ctrl-C raises KeyboardInterrupt in the calls under way, and no other call begins. A call that waits outside
        Python, such as ``time.sleep`` or a request to a server, cannot be stopped: after half a second it is left
        behind. It goes on in the background until it returns, and the folder stays locked until then; no scores are
        written. A call that never lets another thread run, such as a slow regular expression, delays Ctrl-C until it
        returns.

        Raises:
            RequestError: no benchmark's rule uses the name, or the function cannot be called (a ValueError).

        >>> builder = DatasetBuilder("loops.yaml")
        >>> builder.register_feature("n_loops", lambda row: row["prompt"].count("for "), version="1")
        """
        if not callable(function):
            raise RequestError(f"function: {function!r} cannot be called")
        name = argument.text("name", name, '"n_loops"')
        self._core.register_feature(name, function, argument.text("version", version, '"2"'))

    def preprocess_all_benchmarks(
        self,
        output_dir: StrPath = FULL_DIR,
        force_reprocess: bool = False,
        *,
        on_bad_row: Literal["stop", "skip"] | None = None,
        locked: bool = False,
        format: Literal["jsonl", "parquet"] | None = None,
        parts: int | None = None,
        progress: Progress = None,
    ) -> dict[str, TaskStream]:
        """Stage 1: scores every row of every enabled benchmark. Benchmarks that are up to date are left as they are.

        Args:
            output_dir: the folder for ``{benchmark}_full.jsonl`` (or ``.parquet``) and ``{benchmark}_full_meta.json``.
                Later calls of this builder use it. Default: data/benchmarks/full.
            force_reprocess: preprocess benchmarks again even if they are up to date. Default: False.
            on_bad_row: ``"stop"`` at a row that cannot be scored, or ``"skip"`` it into ``{benchmark}_rejected.jsonl``.
                Default: as when a benchmark was last preprocessed, else ``"stop"``.
            locked: accept only the source that each meta file records: the same commit on the Hub, the same files.
                Default: False.
            format: the format of preprocessed benchmarks, ``"jsonl"`` or ``"parquet"``. Default: as configured, else as
                they are now, else ``"jsonl"``.
            parts: store the rows in this many files, ``{benchmark}_full/part-00000.jsonl`` and so on; 1 means one file.
                Default: as they are now, else 1.
            progress: True for tqdm bars, or for lines on stderr where tqdm is not installed; or a function
                ``(benchmark, stage, done, total)``. Default: silent.

        Returns:
            The scored tasks of each benchmark, by name. They are read from the disk when they are first used.

        Raises:
            SourceError: rows that cannot be read, or a row that cannot be scored. Existing files stay as they were.
                Where a source's files do not exist, it is a FileNotFoundError too.

        >>> results = DatasetBuilder("demo.yaml").preprocess_all_benchmarks("full")
        >>> {name: len(tasks) for name, tasks in results.items()}
        {'humaneval': 164, 'gsm8k': 400}
        """
        folder = argument.path("output_dir", output_dir)
        force = argument.flag("force_reprocess", force_reprocess)
        locked = argument.flag("locked", locked)
        if on_bad_row is not None:
            argument.choice("on_bad_row", on_bad_row, ("stop", "skip"))
        if format is not None:
            argument.choice("format", format, ("jsonl", "parquet"))
        if parts is not None:
            parts = argument.whole("parts", parts)
            if parts < 1:
                raise RequestError(f"parts: {parts} is less than 1")
        done = self._preprocess(self.benchmarks, folder, force, on_bad_row, locked, format, parts, progress)
        # The program may change its working directory before it draws from there.
        self._full_dir = os.path.abspath(folder)
        return done

    def _preprocess(
        self,
        names: list[str],
        folder: str,
        force: bool,
        on_bad_row: str | None,
        locked: bool,
        format: str | None,
        parts: int | None,
        progress: Progress,
    ) -> dict[str, TaskStream]:
        with shown(progress) as callback, Notes() as note:
            return dict(self._core.preprocess(names, folder, force, on_bad_row, locked, format, parts, callback, note))

    def _folder(self, parameter: str, folder: StrPath | None) -> str:
        """The folder of preprocessed benchmarks."""
        return self._full_dir if folder is None else argument.path(parameter, folder)

    def load_benchmark(self, name: str, *, progress: Progress = None) -> TaskStream:
        """The scored tasks of one enabled benchmark, in the order of its rows. Preprocesses it first if needed.

        Args:
            name: the benchmark.
            progress: as for :meth:`preprocess_all_benchmarks`. Default: silent.

        Returns:
            The tasks.

        Raises:
            RequestError: there is no enabled benchmark of this name (a ValueError).
            SourceError: as for :meth:`preprocess_all_benchmarks`.

        >>> DatasetBuilder("demo.yaml").load_benchmark("gsm8k")[7].task_id
        'gsm8k_7'
        """
        if name not in self.benchmarks:
            raise RequestError(f"there is no enabled benchmark {name!r}; enabled: {', '.join(self.benchmarks)}")
        self._preprocess([name], self._full_dir, False, None, False, None, None, progress)
        return self.load_preprocessed_benchmark(name)

    def load_preprocessed_benchmark(self, name: str, preprocessed_dir: StrPath | None = None) -> TaskStream:
        """The scored tasks of one preprocessed benchmark, in the order of its rows.

        Args:
            name: the benchmark.
            preprocessed_dir: its folder. Default: the last `output_dir` of :meth:`preprocess_all_benchmarks`, else
                data/benchmarks/full.

        Returns:
            The tasks.

        Raises:
            MissingDataError: it was not preprocessed (a FileNotFoundError).

        >>> builder.load_preprocessed_benchmark("humaneval", "full")[0].benchmark
        'humaneval'
        """
        name = argument.text("name", name, '"gsm8k"')
        folder = self._folder("preprocessed_dir", preprocessed_dir)
        with Notes() as note:
            return self._core.load_preprocessed(name, folder, note)

    def build_task_stream(
        self,
        benchmarks_to_include: Sequence[str] | Mapping[str, Any],
        difficulty_split: str | None = None,
        n_total_tasks: int | None = None,
        random_seed: int = 2025,
        exclude_benchmarks: Sequence[str] | None = None,
        difficulty_percentiles: Mapping[str, Sequence[float]] | None = None,
        benchmark_ratios: Mapping[str, float] | Literal["proportional"] | None = None,
        sample_with_replacement: bool | Literal["when_short"] | None = None,
        sampler: Literal["numpy", "stable", "informative"] | None = None,
        full_dir: StrPath | None = None,
        difficulty: Calibrated | None = None,
        min_responses: int | None = None,
        order: Literal["shuffled", "easy_first", "hard_first"] = "shuffled",
        *,
        where: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
        difficulty_range: Sequence[float] | None = None,
        exclude: StrPath | TaskStream | Sequence[StrPath | TaskStream] = (),
        partition: str | None = None,
        on_duplicate: Literal["keep", "one", "drop_conflicts"] = "keep",
        near_duplicates: Literal["keep", "one"] = "keep",
        stratify_by: str | None = None,
        strata: Literal["equal", "proportional"] | None = None,
        difficulty_within: str | None = None,
        thresholds_from: StrPath | None = None,
        phases: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        select: Literal["bins", "informative"] | None = None,
    ) -> TaskStream:
        """Stage 2: draws tasks from preprocessed benchmarks.

        Args:
            benchmarks_to_include: the benchmarks to mix, in order. A pattern such as ``"mmlu_*"`` stands for the
                enabled benchmarks that match it, and they share its ratio equally. A mapping names groups, each with
                its benchmarks or with groups of its own: ``{"math": ["gsm8k", "amc"], "code": ["humaneval"]}``.
            difficulty_split: the shares ``easy:hard`` or ``easy:medium:hard``, whole numbers, or ``"proportional"``: by
                how many rows of each may be drawn. Default: ``"50:50"``; ``"proportional"`` with a `difficulty_range`.
            n_total_tasks: the number of tasks, from 1. Default: 1000, or those of the `phases`.
            random_seed: the same seed gives the same tasks in the same order; 0 to 4294967295 for ``"numpy"``, any
                64-bit number for ``"stable"``. Default: 2025.
            exclude_benchmarks: benchmarks to leave out of `benchmarks_to_include`. Default: none.
            difficulty_percentiles: ``{benchmark: [low, high]}``, percentiles from 0 to 100. A task is easy at or below
                the low one, hard at or above the high one. Default: as configured.
            benchmark_ratios: ``{benchmark: share}``; shares that do not sum to 1 are rescaled, with a warning. Groups
                have shares under their names. ``"proportional"``: by how many rows of each may be drawn. Default: equal
                shares.
            sample_with_replacement: True for independent draws, ``"when_short"`` to repeat tasks only in a bin that is
                too small, False to deliver fewer tasks instead. Default: as configured.
            sampler: ``"numpy"`` draws the same tasks as Symphony 2.0; with ``"stable"`` a smaller pool lies inside a
                larger one. Default: ``"numpy"``, or the one that `select` names.
            full_dir: the folder of the preprocessed benchmarks. Default: the last `output_dir` of
                :meth:`preprocess_all_benchmarks`, else data/benchmarks/full.
            difficulty: the score to draw by: ``"surface"``, ``"reference"`` (the difficulty that ships with the
                program, see :meth:`reference`), a calibration (its ``{benchmark}_calibration.jsonl``, or the
                ``Calibration``), or a folder of calibrations; what :meth:`calibrate` returns stands for its folder. A
                folder that is named like one of these words is ``"./reference"``, or a Path. Default: as configured; an
                informative draw takes the reference in place of the surface score where there is one.
            min_responses: with a measured difficulty, leave out rows with responses of fewer models. Default: as
                configured.
            order: ``"shuffled"``; ``"easy_first"`` for easy tasks, then medium, then hard ones, and within a bin by
                difficulty; ``"hard_first"`` for the other way round. Which tasks are drawn does not depend on it.
                Default: ``"shuffled"``.
            where: draw only rows with one of these values of a label, ``{"bbh": {"task_name": ["navigate"]}}``. A label
                is a feature whose values are texts.
            difficulty_range: draw only rows between these percentiles of difficulty, such as ``[40, 60]``. With a
                `difficulty_split`, easy and hard are cut within the range.
            exclude: draw no row of these: pools (a folder, or tasks of this session), or files of identities or source
                ids.
            partition: draw only rows of this partition, which the configuration defines.
            on_duplicate: of rows with one identity, ``"keep"`` all, only ``"one"``, or ``"drop_conflicts"``: one, but
                none where their answers differ. Default: ``"keep"``.
            near_duplicates: of each group of near-duplicates, ``"keep"`` all or only ``"one"``. Default: ``"keep"``.
            stratify_by: a label; each of its values is treated as a benchmark of its own.
            strata: the shares of these values, ``"equal"`` or ``"proportional"`` to their rows. Default: ``"equal"``.
            difficulty_within: a label; tasks are easy or hard within each of its values.
            thresholds_from: a meta or manifest, or the folder of one, whose thresholds count; each row gets the score
                that it has on the scale of those.
            phases: stretches of the stream with shares of their own, ``[{"n_total_tasks": 50, "difficulty_split":
                "90:10"}, ...]``, or a ramp, ``{"from": "90:10", "to": "10:90", "steps": 5}``. Without replacement, no
                task comes in two phases.
            select: ``"bins"`` draws as many tasks of each bin as the split says; ``"informative"`` draws those that
                tell most about the score of the full benchmark, each with a `weight`, by a measured difficulty.
                Default: ``"bins"``.

        Returns:
            The tasks, in the order in which they should be given.

        Raises:
            RequestError: the request is not valid, or no task can be drawn (a ValueError).
            MissingDataError: a benchmark was not preprocessed (a FileNotFoundError).

        Warns:
            SymphonyDataWarning: a bin has fewer tasks than asked, ratios were rescaled, or a benchmark has no reference
                difficulty.

        >>> builder.build_task_stream(["gsm8k"], difficulty_split="80:20", n_total_tasks=10, full_dir="full")
        <TaskStream: 10 tasks (gsm8k); 8 easy, 2 hard>
        """
        spec = self._spec(
            benchmarks_to_include=benchmarks_to_include,
            difficulty_split=difficulty_split,
            n_total_tasks=n_total_tasks,
            random_seed=random_seed,
            exclude_benchmarks=exclude_benchmarks,
            difficulty_percentiles=difficulty_percentiles,
            benchmark_ratios=benchmark_ratios,
            sample_with_replacement=sample_with_replacement,
            sampler=sampler,
            difficulty=difficulty,
            min_responses=min_responses,
            order=order,
            where=where,
            difficulty_range=difficulty_range,
            exclude=exclude,
            partition=partition,
            on_duplicate=on_duplicate,
            near_duplicates=near_duplicates,
            stratify_by=stratify_by,
            strata=strata,
            difficulty_within=difficulty_within,
            thresholds_from=thresholds_from,
            phases=phases,
            select=select,
        )
        folder = self._folder("full_dir", full_dir)
        with Notes() as note:
            return self._core.build(spec, folder, note)

    def power(
        self,
        benchmarks_to_include: Sequence[str] | Mapping[str, Any],
        *,
        delta: float | None = None,
        responses: Responses = None,
        models: tuple[str, str] | None = None,
        full_dir: StrPath | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
        **request: Any,
    ) -> dict[str, Any]:
        """The smallest difference of two models that a pool could show with a power of 80 %, paired, at 5 %.

        Args:
            benchmarks_to_include: as for :meth:`build_task_stream`.
            delta: the difference of accuracies to plan for, above 0 and at most 1. Default: 0.02, two points.
            responses: responses of models, as for :meth:`validate`; how often they disagree is read from these.
                Default: none. It is then at most 2e(1 - e) where a measured difficulty has the expected error e, else
                0.3.
            models: the two models that are compared. Default: all pairs, by their median.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read.
            metric: for a log with several metrics or scorers, the one to read.
            request: what else :meth:`build_task_stream` takes, such as `n_total_tasks`.

        Returns:
            What ``symphony-data plan --power --json`` has for a pool: ``tasks``, ``distinct``, ``effective_n``,
            ``discordance`` (how often two models disagree) and its ``benchmarks``, ``detectable`` and
            ``detectable_without_repeats`` (None if there are too few tasks), ``delta``, ``needed`` (how many distinct
            tasks show it), ``rows`` (how many rows the request may draw) and ``detectable_with_all_rows``, ``curve``,
            ``power`` and ``level``.

        Raises:
            RequestError: the request or `delta` is not valid, or no task can be drawn (a ValueError).
            ResponseError: the responses cannot be used, or have none of the models (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named does not exist (a
                FileNotFoundError).

        >>> builder.power(["gsm8k"], n_total_tasks=100, full_dir="full", delta=0.05)["detectable"]
        0.1516
        """
        spec = self._spec(benchmarks_to_include, **request)
        difference = None if delta is None else argument.number("delta", delta)
        pair = None if models is None else argument.pair("models", models)
        if pair is not None and responses is None:
            raise RequestError("models: give their responses, too")
        given = [] if responses is None else argument.inputs(responses)
        folder, log = self._folder("full_dir", full_dir), argument.of_log(filter, metric)
        demo = argument.flag("demo", demo)
        with Notes() as note:
            found = self._core.power(spec, difference, given, pair, folder, demo, *log, note)
        read: dict[str, Any] = json.loads(found)
        return read

    def run_experiments(
        self,
        experiments: Mapping[str, Mapping[str, Any]] | StrPath,
        output_dir: StrPath = "data",
        strict: bool = False,
        *,
        full_dir: StrPath | None = None,
        format: Literal["jsonl", "parquet"] = "jsonl",
        force: bool = False,
    ) -> dict[str, Path]:
        """Stage 2 for named experiments: writes a pool, its statistics and its manifest for each.

        Args:
            experiments: ``{id: {"name": ..., "benchmarks": [...], "benchmark_ratios": {...}, "difficulty_split":
                "50:50", "n_total_tasks": ..., "random_seed": ...}}``, or the path of a YAML file with them.
            output_dir: the pools go to ``output_dir/id``. Default: data.
            strict: make no pool if one of them cannot be met in full. Default: False.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            format: the format of the pools, ``"jsonl"`` or ``"parquet"``. Default: ``"jsonl"``.
            force: replace any existing files in a pool's folder. Default: False, which replaces only a pool that the
                same experiment made.

        Returns:
            The folder of each pool, by the experiment's id.

        Raises:
            RequestError: an experiment is not valid, or cannot be met under `strict` (a ValueError). Nothing is
                written.
            MissingDataError: a benchmark was not preprocessed, or there is no file of this name (a FileNotFoundError).

        >>> builder.run_experiments({"tiny": {"benchmarks": ["gsm8k"], "n_total_tasks": 6}}, full_dir="full")
        {'tiny': PosixPath('data/tiny')}
        """
        if isinstance(experiments, Mapping):
            name, text = None, argument.yaml({"experiments": experiments})
        elif isinstance(experiments, (str, os.PathLike)):
            name = argument.path("experiments", experiments)
            text = argument.text_of_file(name)
        else:
            raise TypeError(f"experiments: expected a path or a dict, found {type(experiments).__name__}")
        argument.choice("format", format, ("jsonl", "parquet"))
        strict, force = argument.flag("strict", strict), argument.flag("force", force)
        folder, to = self._folder("full_dir", full_dir), argument.path("output_dir", output_dir)
        with Notes() as note:
            made = self._core.run_experiments(name, text, folder, to, strict, force, format, note)
        return {experiment: Path(pool) for experiment, pool in made}

    def save_task_pool(self, task_stream: Iterable[Task], output_path: StrPath) -> None:
        """Writes tasks as a pool. The file is written whole or not at all.

        Beside a stream from :meth:`build_task_stream`, its manifest is written: the request, and where each task came
        from. It is ``manifest.json`` beside ``task_pool.jsonl``, and ``NAME.manifest.json`` beside ``NAME.jsonl``. A
        list of tasks, or a part of a stream (a slice, a filtered stream), has no manifest.

        Args:
            task_stream: the tasks.
            output_path: the file. It must end in ``.jsonl`` (one task a line) or ``.parquet``.

        Raises:
            RequestError: `output_path` has another ending (a ValueError).
            TypeError: `task_stream` holds something else than tasks.

        >>> builder.save_task_pool(builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full"), "pool.jsonl")
        """
        path = argument.pool_path("output_path", output_path)
        with Notes() as note:
            self._core.save_task_pool(task_stream, path, note)

    def save_statistics(self, task_stream: Iterable[Task], output_path: StrPath) -> None:
        """Writes counts and scores by benchmark and bin, distinct tasks and repeats. The file is JSON.

        Args:
            task_stream: the tasks.
            output_path: the file, which is written whole or not at all.

        Raises:
            RequestError: there are no tasks (a ValueError).
            TypeError: `task_stream` holds something else than tasks.

        >>> stream = builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full")
        >>> builder.save_statistics(stream, "statistics.json")
        """
        path = argument.path("output_path", output_path)
        with Notes() as note:
            self._core.save_statistics(task_stream, path, note)

    def export(
        self,
        tasks: Iterable[Task] | StrPath,
        to: Literal["lm-eval", "inspect", "evalscope", "hf"],
        output: StrPath,
        *,
        name: str | None = None,
        benchmarks: Sequence[str] | None = None,
        force: bool = False,
        progress: Progress = None,
    ) -> Exported:
        """Writes tasks in the form that an evaluation harness runs as it is.

        Args:
            tasks: what to export: a stream, a pool's folder or file, or a folder of preprocessed benchmarks.
            to: the harness: ``"lm-eval"``, ``"inspect"``, ``"evalscope"``, or ``"hf"``, a dataset for the Hugging Face
                Hub.
            output: the folder to write to. It is written whole or not at all, and may hold an earlier export of the
                same name, which is replaced.
            name: a name for the export, in letters, digits and underscores. Default: that of the folder of the tasks;
                ``"pool"`` for a stream.
            benchmarks: of a folder of preprocessed benchmarks, export only these. Default: all.
            force: replace files that no export wrote. Default: False.
            progress: as for :meth:`preprocess_all_benchmarks`; the stages are ``"reading"`` and ``"exporting"``.

        Returns:
            What was written: the folder, the number of tasks by benchmark and bin, the command that runs them.

        Raises:
            RequestError: an argument is not valid, or `output` holds other files (a ValueError).
            ConfigError: a benchmark has no ``prompt``, or its prompt does not fit its rows (a ValueError).
            MissingDataError: there is no pool and no preprocessed benchmark at the path (a FileNotFoundError).

        >>> pool = builder.build_task_stream(["gsm8k"], n_total_tasks=20)
        >>> exported = builder.export(pool, "inspect", "to-inspect")
        >>> exported.cells
        {'gsm8k': {'easy': 10, 'hard': 10}}
        >>> exported.command
        'inspect eval pool.py --model openai/gpt-5-mini --log-dir logs'
        """
        given = argument.path("tasks", tasks) if isinstance(tasks, (str, os.PathLike)) else tasks
        target = argument.choice("to", to, ("lm-eval", "inspect", "evalscope", "hf"))
        name = None if name is None else argument.text("name", name, '"exp5"')
        folder, names = argument.path("output", output), self._named(benchmarks)
        force = argument.flag("force", force)
        with Notes() as note, shown(progress) as told:
            written = self._core.export(given, target, folder, name, names, force, told, note)
        return Exported(**json.loads(written))

    def validate(
        self,
        responses: Responses,
        tasks: Iterable[Task] | StrPath | None = None,
        *,
        benchmarks: Sequence[str] | None = None,
        full_dir: StrPath | None = None,
        difficulty: Calibrated | None = None,
        min_responses: int | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> ValidationReport:
        """Compares difficulty scores with the responses of real models.

        Args:
            responses: the score of each model on each task: a path, a list of paths, or a table (polars, pandas,
                pyarrow) with the columns ``benchmark``, ``source_id`` or ``identity``, ``model``, ``score`` (0 to 1),
                and optionally ``family``, ``tries``, ``cost`` and ``tokens``. Files may also be logs of
                lm-evaluation-harness, Inspect or EvalScope, rows of Every Eval Ever or JSON lines of py-irt; files and
                tables may be wide, with a column for each model, as RouterBench has them. A folder stands for the
                newest log of each task and model in it.
            tasks: a pool to compare too: its tasks, its folder or its file. Default: none. Where its difficulty was
                measured, the manifest of a pool, or the stream itself, says which models set it.
            benchmarks: the benchmarks to compare. Default: all that have responses.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            difficulty: the difficulty to compare, as for :meth:`build_task_stream`. Default: as configured.
            min_responses: with a measured difficulty, leave out rows with responses of fewer models. Default: as
                configured.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read.
            metric: for a log with several metrics or scorers, the one to read.

        Returns:
            The correlation with the models' errors, its interval, and the error rate of each bin, by benchmark.

        Raises:
            ResponseError: the responses cannot be used (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named does not exist (a
                FileNotFoundError).

        Warns:
            SymphonyDataWarning: some answers match no row, and were left out.

        >>> builder.validate("responses.jsonl", full_dir="full")["gsm8k"]["in_sample"]
        False
        """
        folder, names = self._folder("full_dir", full_dir), self._named(benchmarks)
        pool = argument.path("tasks", tasks) if isinstance(tasks, (str, os.PathLike)) else tasks
        by = (
            None if difficulty is None else argument.difficulty("difficulty", difficulty),
            None if min_responses is None else argument.whole("min_responses", min_responses),
        )
        log = argument.of_log(filter, metric)
        given, demo = argument.inputs(responses), argument.flag("demo", demo)
        with Notes() as note:
            found = self._core.validate(given, pool, names, folder, demo, by, *log, note)
        return ValidationReport(json.loads(found))

    def results(
        self,
        pool: Iterable[Task] | StrPath,
        responses: Responses,
        baseline: str | None = None,
        by: str | Sequence[str] = (),
        missing: Literal["leave_out", "wrong"] = "leave_out",
        *,
        models: str | Sequence[str] = (),
        difficulty: Calibrated | None = None,
        full_dir: StrPath | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> Results:
        """How well models do on a pool, how sure that is, and which of them are better.

        Responses are matched to the tasks of the pool, and need no preprocessed benchmark. Answers to other tasks are
        left out and counted.

        Args:
            pool: the pool: its tasks, its folder or its file.
            responses: the score of each model on each task, as for :meth:`validate`.
            baseline: compare the other models with this one. Default: all pairs of up to 20 models; of more, each with
                the best.
            by: also group tasks: ``"benchmark"``, ``"bin"``, ``"phase"``, the name of a label such as ``"task_name"``,
                or ``"label"`` for each label; or several of these, as a list or with commas between them.
            missing: ``"leave_out"`` leaves out tasks that a model did not answer, ``"wrong"`` counts them as wrong.
            models: only these models. Default: all that have responses.
            difficulty: the calibration that the pool was drawn by, or the folder of it, or what :meth:`calibrate`
                returns, for the estimate of the accuracy on the full benchmark. Default: it is looked for in
                `full_dir`, in the pool's folder and in the folders beside it.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read.
            metric: for a log with several metrics or scorers, the one to read.

        Returns:
            The accuracy of each model with its 95 % interval, and the comparisons of models.

        Raises:
            ResponseError: the responses cannot be used, or none is to a task of the pool (a ValueError).
            RequestError: no model has the name of `baseline`, or the tasks cannot be grouped by `by` (a ValueError).
            MissingDataError: there is no pool of this name, or no file of responses (a FileNotFoundError).

        Warns:
            SymphonyDataWarning: some answers have no score or match several tasks, and were left out.

        >>> tasks = builder.build_task_stream(["gsm8k"], n_total_tasks=20, full_dir="full")
        >>> builder.results(tasks, "responses.jsonl", by="bin")["a"]["n_tasks"]
        20
        """
        given = argument.path("pool", pool) if isinstance(pool, (str, os.PathLike)) else pool
        inputs, log = argument.inputs(responses), argument.of_log(filter, metric)
        name = None if baseline is None else argument.text("baseline", baseline, '"gpt-4o"')
        only = argument.names_or_text("models", models)
        groups = argument.names_or_text("by", by)
        missing = argument.choice("missing", missing, ("leave_out", "wrong"))  # type: ignore[assignment]
        demo = argument.flag("demo", demo)
        places = [] if difficulty is None else [argument.calibration("difficulty", difficulty)]
        places.append(self._folder("full_dir", full_dir))
        with Notes() as note:
            found = self._core.results(given, inputs, only, name, groups, missing, places, demo, *log, note)
        return Results(json.loads(found))

    def report(
        self,
        pools: Pool | Iterable[Pool],
        responses: Responses | None = None,
        *,
        baseline: str | None = None,
        full_dir: StrPath | None = None,
        output: StrPath | None = None,
        svg: StrPath | None = None,
        png: StrPath | None = None,
        force: bool = False,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> Report:
        """A report on pools, and on models' results on them, as one HTML page.

        Args:
            pools: the pool, as a path (its folder or its file) or as tasks; or a list of several pools, which the
                report shows one after another and side by side.
            responses: the score of each model on each task, as for :meth:`validate`. Default: none.
            baseline: compare the other models with this one. Default: all pairs of up to 20 models; of more, each with
                the best.
            full_dir: the folder of the preprocessed benchmarks and calibrations that pools were drawn from; they are
                looked for in a pool's own folder and in those beside it too. Default: as for :meth:`build_task_stream`.
            output: write the page to this file. Default: it is not written.
            svg: write each picture as SVG to this folder. Default: they are not written.
            png: write each picture as PNG to this folder. Default: they are not written.
            force: replace files at these places, whatever they are. Default: False, which replaces those of older
                reports.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read. Default: the only one.
            metric: for a log with several metrics or scorers, the one to read. Default: the only one.

        Returns:
            The report: its ``html`` and its ``pictures``, to show and to save. A notebook shows a small form of it.

        Raises:
            RequestError: a pool has no tasks, no model has the name of `baseline`, or a file that is not a report's is
                in the way (a ValueError).
            ResponseError: the responses cannot be used, or none is to a task of a pool (a ValueError).
            MissingDataError: there is no pool of this name, no file of responses, or no folder `full_dir` (a
                FileNotFoundError).

        Warns:
            SymphonyDataWarning: some answers have no score or match several tasks, and were left out.

        >>> easy = builder.build_task_stream(["gsm8k"], n_total_tasks=20, difficulty_split="100:0", full_dir="full")
        >>> hard = builder.build_task_stream(["gsm8k"], n_total_tasks=20, difficulty_split="0:100", full_dir="full")
        >>> builder.report([easy, hard], "responses.jsonl", output="both.html")
        <Report: 40 tasks in 2 pools; 1 model>
        """
        return made(
            self._core,
            pools,
            responses,
            baseline=baseline,
            full_dir=self._full_dir if full_dir is None else folder(full_dir),
            output=output,
            svg=svg,
            png=png,
            force=force,
            demo=demo,
            filter=filter,
            metric=metric,
        )

    def duplicates(
        self,
        benchmarks: Sequence[str] | None = None,
        against: StrPath | Sequence[StrPath] | None = None,
        *,
        output: StrPath | None = None,
        least: float = 0.0,
        full_dir: StrPath | None = None,
        demo: bool = False,
        progress: Progress = None,
    ) -> DuplicatesReport:
        """Finds copies, conflicts and near-duplicates in preprocessed benchmarks, and overlap with other text.

        Writes ``{benchmark}_duplicates.jsonl`` with its meta beside each store, and ``{benchmark}_overlap.jsonl`` where
        other text is given.

        Args:
            benchmarks: the benchmarks to compare, each with itself and with the others. Default: all that are
                preprocessed.
            against: other text to look for runs of 13 words in: a path, or several; files of text or of rows, patterns
                or folders. Default: none.
            output: a file for the overlap of all benchmarks with that text. Default: one beside each store.
            least: list only rows of which at least this share of runs occurs, 0 to 1. Default: 0, which lists all that
                have one.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            demo: compare the generated tasks of a demo. Default: False.
            progress: as for :meth:`preprocess_all_benchmarks`.

        Returns:
            The counts of each benchmark, by name.

        Raises:
            MissingDataError: a benchmark was not preprocessed, or no file has other text (a FileNotFoundError).
            SourceError: other text cannot be read.

        >>> builder.duplicates(["gsm8k"], full_dir="full")["gsm8k"]["conflicts"]
        0
        """
        folder, names = self._folder("full_dir", full_dir), self._named(benchmarks)
        others = [] if against is None else argument.paths("against", against)
        to = None if output is None else argument.path("output", output)
        flag, share = argument.flag("demo", demo), argument.number("least", least)
        with Notes() as note, shown(progress) as told:
            found = self._core.duplicates(names, others, to, share, folder, flag, told, note)
        return DuplicatesReport(json.loads(found))

    def calibrate(
        self,
        responses: Responses,
        output_dir: StrPath,
        *,
        model: Literal["1pl", "2pl"] = "1pl",
        prior: Calibrated | None = None,
        chance: Mapping[str, float] | None = None,
        benchmarks: Sequence[str] | None = None,
        full_dir: StrPath | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> dict[str, Calibration]:
        """Fits a difficulty to the responses of models, and writes ``{benchmark}_calibration.jsonl`` with its meta.

        Args:
            responses: as for :meth:`validate`.
            output_dir: the folder for the files.
            model: ``"1pl"`` fits a difficulty for each row, ``"2pl"`` a discrimination too, for 20 models or more.
                Default: ``"1pl"``.
            prior: what difficulty is predicted from before the responses are read: ``"features"``, the
                ``"reference"`` difficulty, or a calibration or a folder of them, as `difficulty` of
                :meth:`build_task_stream`. Default: the reference if it knows half of the rows, else features.
            chance: how often a guess is right, by benchmark, such as ``{"medical_qa": 0.25}``. Default: as configured.
            benchmarks: the benchmarks to fit. Default: all that have responses.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read.
            metric: for a log with several metrics or scorers, the one to read.

        Returns:
            The calibrations, by benchmark. ``build_task_stream(..., difficulty=CALIBRATIONS)`` draws by them, also with
            one of them or with `output_dir`; in a configuration, ``difficulty: {measured: PATH}`` does, with the
            ``path`` of each.

        Raises:
            ResponseError: the responses cannot be used (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named does not exist (a
                FileNotFoundError).

        >>> builder.calibrate("responses.jsonl", "calibration", full_dir="full")["gsm8k"].path
        'calibration/gsm8k_calibration.jsonl'
        """
        argument.choice("model", model, ("1pl", "2pl"))
        start = None if prior is None else argument.prior("prior", prior)
        folder, names = self._folder("full_dir", full_dir), self._named(benchmarks)
        chances, to = argument.chances("chance", chance), argument.path("output_dir", output_dir)
        log = argument.of_log(filter, metric)
        given, demo = argument.inputs(responses), argument.flag("demo", demo)
        with Notes() as note:
            fitted = self._core.calibrate(given, to, model, start, chances, names, folder, demo, *log, note)
        return {meta["benchmark"]: Calibration(meta, to) for meta in json.loads(fitted)}

    @staticmethod
    def reference(benchmarks: Sequence[str] | None = None) -> dict[str, ReferenceCard]:
        """The difficulties that ship with the program, fitted to public answers of models.

        ``build_task_stream(..., difficulty="reference")`` draws by them, and so does ``difficulty: reference`` in an
        experiment or a benchmark of the configuration. A benchmark without one, such as amc, is then drawn by its
        configured difficulty or its surface score, with a warning; a row that it does not know gets the prediction from
        its features, and ``n_responses`` 0 in its ``scorer_metadata``.

        Args:
            benchmarks: the benchmarks. Default: all that have one.

        Returns:
            The card of each, by benchmark: its models, its sources, its fit, and how well it predicts failure.

        Raises:
            RequestError: a benchmark has no reference difficulty (a ValueError).

        >>> DatasetBuilder.reference()["gsm8k"]["n_tasks_full"]
        1319
        """
        cards = {card["benchmark"]: ReferenceCard(card) for card in json.loads(_core.reference())}
        if benchmarks is None:
            return cards
        names = argument.names("benchmarks", benchmarks)
        for name in names:
            if name not in cards:
                raise RequestError(
                    f"benchmarks: {name!r} has no reference difficulty; these have one: {', '.join(cards)}"
                )
        return {name: cards[name] for name in names}

    def responses(
        self,
        responses: Responses,
        output: StrPath,
        *,
        benchmarks: Sequence[str] | None = None,
        full_dir: StrPath | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> WrittenResponses:
        """Writes responses of any form in one form, to keep and to share.

        Args:
            responses: as for :meth:`validate`.
            output: the file, which is written whole or not at all. It must end in ``.jsonl``, ``.csv`` (each also
                ``.gz`` or ``.zst``) or ``.parquet``, and may not be one of `responses`.
            benchmarks: the benchmarks to write. Default: all that have responses.
            full_dir: the folder of the preprocessed benchmarks, as for :meth:`build_task_stream`.
            demo: accept responses to the generated tasks of a demo. Default: False.
            filter: for a log with several filters, the one to read.
            metric: for a log with several metrics or scorers, the one to read.

        Returns:
            The number of models, rows and answers that were written, by benchmark. The file has a line for each answer,
            in the order in which they were read, and is read back by this method, :meth:`validate` and
            :meth:`calibrate`.

        Raises:
            RequestError: `output` has another ending (a ValueError).
            ResponseError: the responses cannot be used, or `output` is one of them (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named does not exist (a
                FileNotFoundError).

        Warns:
            SymphonyDataWarning: some answers match no row, and were left out.

        >>> builder.responses("responses.jsonl", "kept.parquet", full_dir="full")["gsm8k"]
        {'models': 1, 'rows': 400, 'answers': 400}
        """
        folder, names = self._folder("full_dir", full_dir), self._named(benchmarks)
        to = argument.responses_path("output", output)
        log = argument.of_log(filter, metric)
        given, demo = argument.inputs(responses), argument.flag("demo", demo)
        with Notes() as note:
            written = self._core.responses(given, to, names, folder, demo, *log, note)
        return WrittenResponses(json.loads(written), to)

    def _spec(
        self,
        benchmarks_to_include: Sequence[str] | Mapping[str, Any],
        difficulty_split: str | None = None,
        n_total_tasks: int | None = None,
        random_seed: int = 2025,
        exclude_benchmarks: Sequence[str] | None = None,
        difficulty_percentiles: Mapping[str, Sequence[float]] | None = None,
        benchmark_ratios: Mapping[str, float] | Literal["proportional"] | None = None,
        sample_with_replacement: bool | Literal["when_short"] | None = None,
        sampler: Literal["numpy", "stable", "informative"] | None = None,
        difficulty: Calibrated | None = None,
        min_responses: int | None = None,
        order: Literal["shuffled", "easy_first", "hard_first"] = "shuffled",
        *,
        where: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
        difficulty_range: Sequence[float] | None = None,
        exclude: StrPath | TaskStream | Sequence[StrPath | TaskStream] = (),
        partition: str | None = None,
        on_duplicate: Literal["keep", "one", "drop_conflicts"] = "keep",
        near_duplicates: Literal["keep", "one"] = "keep",
        stratify_by: str | None = None,
        strata: Literal["equal", "proportional"] | None = None,
        difficulty_within: str | None = None,
        thresholds_from: StrPath | None = None,
        phases: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        select: Literal["bins", "informative"] | None = None,
    ) -> dict[str, Any]:
        """The keys of a request."""
        excluded = set(argument.names("exclude_benchmarks", exclude_benchmarks or ()))
        for name in excluded - set(self.benchmarks):
            raise RequestError(
                f"exclude_benchmarks: there is no benchmark {name!r}; known: {', '.join(self.benchmarks)}"
            )
        keys: dict[str, Any] = {
            "where": where,
            "difficulty_range": None if difficulty_range is None else list(difficulty_range),
            "partition": partition,
            "on_duplicate": on_duplicate,
            "near_duplicates": near_duplicates,
            "stratify_by": stratify_by,
            "strata": strata,
            "difficulty_within": difficulty_within,
            "thresholds_from": None if thresholds_from is None else argument.path("thresholds_from", thresholds_from),
            "phases": phases,
            "select": select,
        }
        keys["exclude"], excluded_tasks = argument.excluded("exclude", exclude)
        included: list[str] = []
        if isinstance(benchmarks_to_include, Mapping):
            keys["benchmarks"] = benchmarks_to_include
        else:
            included = argument.names("benchmarks_to_include", benchmarks_to_include)
        if n_total_tasks is None:
            n_total_tasks = 1000 if phases is None or isinstance(phases, Mapping) else 0
        pairs = ratios = None
        if difficulty_percentiles is not None:
            pairs = argument.percentiles("difficulty_percentiles", difficulty_percentiles)
        if benchmark_ratios == "proportional":
            keys["benchmark_ratios"] = benchmark_ratios
        elif benchmark_ratios is not None:
            ratios = argument.numbers("benchmark_ratios", benchmark_ratios)
        return {
            "benchmarks": included,
            "exclude_benchmarks": sorted(excluded),
            "difficulty_split": None
            if difficulty_split is None
            else argument.text("difficulty_split", difficulty_split, '"50:50"'),
            "n_total_tasks": argument.whole("n_total_tasks", n_total_tasks),
            "random_seed": argument.whole("random_seed", random_seed),
            "difficulty_percentiles": pairs,
            "benchmark_ratios": ratios,
            "sample_with_replacement": None if sample_with_replacement is None else str(sample_with_replacement),
            "sampler": None if sampler is None else argument.text("sampler", sampler, '"numpy" or "stable"'),
            "order": argument.text("order", order, '"shuffled", "easy_first" or "hard_first"'),
            "difficulty": None if difficulty is None else argument.difficulty("difficulty", difficulty),
            "min_responses": None if min_responses is None else argument.whole("min_responses", min_responses),
            "keys": argument.keys(keys),
            "exclude_tasks": excluded_tasks,
        }

    def _named(self, benchmarks: Sequence[str] | None) -> list[str]:
        """The benchmarks that were named; none stands for all."""
        return [] if benchmarks is None else argument.names("benchmarks", benchmarks)
