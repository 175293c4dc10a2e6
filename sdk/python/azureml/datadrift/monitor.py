"""The script of a run that measures drift.

The magnitude of a slice is what SDK v1 takes too: how well a classifier tells the slice's rows from the
baseline's, as Matthews' correlation coefficient of rows that it has not seen, 0 (not at all) to 1. A
feature's distance is Wasserstein's for numbers, in the feature's own unit, and the Euclidean distance of
the shares for everything else.
"""

import argparse
import datetime

import numpy
import pandas
from scipy.stats import wasserstein_distance
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import resample

from azureml.core import Run

#: Fewer rows say nothing.
FEWEST_ROWS = 10
FOLDS = 3


def magnitude(baseline, rows):
    """0 to 1."""
    size = min(len(baseline), len(rows))
    both = pandas.concat([resample(it, replace=False, n_samples=size, random_state=0) for it in (baseline, rows)])
    for name in both.columns:
        if not pandas.api.types.is_numeric_dtype(both[name]):
            both[name] = both[name].astype("category").cat.codes
    is_new = numpy.repeat([0, 1], size)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    told = cross_val_predict(HistGradientBoostingClassifier(random_state=0), both.astype(float), is_new, cv=folds)
    return max(0.0, float(matthews_corrcoef(is_new, told)))


def distance(baseline, rows):
    if pandas.api.types.is_numeric_dtype(baseline):
        return float(wasserstein_distance(baseline.dropna(), rows.dropna()))
    shares = pandas.concat([baseline.value_counts(normalize=True), rows.value_counts(normalize=True)], axis=1).fillna(0)
    return float(numpy.linalg.norm(shares.iloc[:, 0] - shares.iloc[:, 1]))


def slices(start, end, frequency):
    """(from, to) pairs, the last one cut off at the end."""
    step = {"Day": pandas.DateOffset(days=1), "Week": pandas.DateOffset(weeks=1), "Month": pandas.DateOffset(months=1)}[frequency]
    while start < end:
        yield start, min(start + step, end)
        start = start + step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baseline")
    parser.add_argument("--target")
    parser.add_argument("--time")
    parser.add_argument("--start", type=datetime.datetime.fromisoformat)
    parser.add_argument("--end", type=datetime.datetime.fromisoformat)
    parser.add_argument("--frequency")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--feature", action="append")
    arguments = parser.parse_args()
    run = Run.get_context()
    baseline = run.input_datasets["baseline"].to_pandas_dataframe()
    target = run.input_datasets["target"].to_pandas_dataframe()
    times = pandas.to_datetime(target[arguments.time])
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    features = arguments.feature or [name for name in baseline.columns if name in target.columns and name != arguments.time]

    run.log("start_date", arguments.start.strftime("%Y-%m-%d"))
    run.log("end_date", arguments.end.strftime("%Y-%m-%d"))
    run.log("frequency", arguments.frequency)
    days, drifts = [], []
    for begin, end in slices(pandas.Timestamp(arguments.start), pandas.Timestamp(arguments.end), arguments.frequency):
        rows = target[(times >= begin) & (times < end)]
        if len(rows) < FEWEST_ROWS:
            print(f"{begin:%Y-%m-%d}: {len(rows)} rows, which say nothing")
            continue
        drift = magnitude(baseline[features], rows[features])
        days.append((begin - pandas.Timestamp(arguments.start)).days)
        drifts.append(100 * drift)
        verdict = "drifted" if drift >= arguments.threshold else "as before"
        print(f"{begin:%Y-%m-%d}: {len(rows)} rows, {100 * drift:.1f} %, {verdict}")
        for name in features:
            run.log_row("Distance", days_from_start=days[-1], feature=name, distance=distance(baseline[name], rows[name]))
    if not days:
        raise SystemExit(f"no slice from {arguments.start} to {arguments.end} has {FEWEST_ROWS} rows: look at the target's column `{arguments.time}`")
    run.log_table("Datadrift percentage", {"days_from_start": days, "drift_percentage": drifts})


if __name__ == "__main__":
    main()
