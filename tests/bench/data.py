"""Tables read by Lazuli beside pandas and polars: the same files, in one run, by the same clock.

    make bench-data

A CSV file of a gigabyte and its Parquet twin are made first, if they are not there from the last time. pandas and polars
run in a process of their own per measurement, without the time that their import takes; Lazuli is asked over HTTP by a
client that is measured like them, so its figures hold the way from the worker through the daemon too. Nothing is asserted.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mlflow"))

SEED = 20
ROWS_PER_MB = 13_500
KINDS = ("open", "count", "filter and group", "to pandas")
PEERS = ("lazuli", "pandas", "polars")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, help="where `lazuli` lies")
    parser.add_argument("--mb", type=int, default=1024, help="how large the CSV file is, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=10_000, help="of the dataset that is registered")
    parser.add_argument("--datasets", type=int, default=10_000, help="that are listed")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "lazuli-bench-data")
    parser.add_argument("--measure", nargs=4, metavar=("PEER", "KIND", "FORMAT", "WHERE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    files = made(arguments.folder, arguments.mb)
    home = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    from daemon import Daemon

    daemon = Daemon(arguments.binaries.resolve(), folder=home)
    try:
        table = []
        for form, path in files.items():
            for kind in KINDS:
                say(f"{form}: {kind}")
                table.append((form, kind, {peer: figures(daemon, peer, kind, form, path, arguments) for peer in PEERS}))
        show(table, files)
        registry(daemon, arguments, home)
    finally:
        daemon.stop()
        shutil.rmtree(home, ignore_errors=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def made(folder, megabytes):
    """The files, written anew unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"csv": folder / f"{megabytes}.csv", "parquet": folder / f"{megabytes}.parquet"}
    if all(path.exists() for path in files.values()):
        return files
    say(f"making {files['csv']} and its twin")
    import numpy
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    random = numpy.random.default_rng(SEED)
    rows = megabytes * ROWS_PER_MB
    begun = {form: path.with_name(f"{path.name}.part") for form, path in files.items()}
    writers = None
    for start in range(0, rows, 500_000):
        count = min(500_000, rows - start)
        ids = numpy.arange(start, start + count)
        category = numpy.array([f"category {n}" for n in range(20)])[random.integers(0, 20, count)]
        part = pyarrow.table(
            {
                "id": ids,
                "time": numpy.datetime64("2020-01-01T00:00:00", "s") + ids.astype("timedelta64[s]"),
                "category": category,
                "customer": [f"customer {n}" for n in random.integers(0, 200_000, count)],
                "price": numpy.round(random.gamma(2.0, 30.0, count), 2),
                "quantity": random.integers(1, 100, count),
                "weight": random.normal(0.0, 1.0, count),
                "returned": random.random(count) < 0.05,
            }
        )
        if writers is None:
            writers = (
                pyarrow.csv.CSVWriter(begun["csv"], part.schema, write_options=pyarrow.csv.WriteOptions(quoting_style="none")),
                pyarrow.parquet.ParquetWriter(begun["parquet"], part.schema),
            )
        for writer in writers:
            writer.write_table(part)
    for writer in writers:
        writer.close()
    for form, path in begun.items():
        path.rename(files[form])
    return files


def figures(daemon, peer, kind, form, path, arguments):
    """The median of seconds, and the most memory in MB: of the worker for Lazuli, of the process for the others."""
    seconds, memory = [], []
    where = str(path)
    if peer == "lazuli":
        where = json.dumps({"url": daemon.url, "headers": daemon.authorization(), "path": str(path)})
    for _ in range(arguments.rounds):
        if peer == "lazuli":
            end_workers(daemon)
        command = [sys.executable, __file__, "--measure", peer, kind, form, where]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        seconds.append(said["seconds"])
        memory.append(max(map(peak, workers(daemon)), default=0) if peer == "lazuli" else said["memory"])
    return statistics.median(seconds), max(memory)


def workers(daemon):
    """Processes of the daemon that read tables."""
    children = Path(f"/proc/{daemon.process.pid}/task").glob("*/children")
    return [int(pid) for file in children for pid in file.read_text().split()]


def end_workers(daemon):
    """So that each measurement starts with a new one; the daemon notices and starts it."""
    for pid in workers(daemon):
        os.kill(pid, 9)
    while workers(daemon):
        if all(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z" for pid in workers(daemon)):
            break
        time.sleep(0.01)


def peak(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3 if "VmHWM:" in status else 0


def measure(peer, kind, form, where):
    work = {"lazuli": of_lazuli, "pandas": of_pandas, "polars": of_polars}[peer](kind, form, where)
    begin = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "memory": peak(os.getpid()), "answer": str(answer)[:200]}))


COLUMNS = ["category", "price", "quantity"]


def of_pandas(kind, form, where):
    import pandas

    read = {"csv": pandas.read_csv, "parquet": pandas.read_parquet}[form]
    some = {"usecols": COLUMNS} if form == "csv" else {"columns": COLUMNS}

    def first():
        if form == "csv":
            return pandas.read_csv(where, nrows=10)
        import pyarrow.parquet

        return next(pyarrow.parquet.ParquetFile(where).iter_batches(10)).to_pandas()

    def grouped():
        frame = read(where, **some)
        return frame[frame.price > 50].groupby("category").agg({"price": "mean", "quantity": "sum"})

    one = {"usecols": ["id"]} if form == "csv" else {"columns": ["id"]}
    return {
        "open": first,
        "count": lambda: len(read(where, **one)),
        "filter and group": grouped,
        "to pandas": lambda: len(read(where)),
    }[kind]


def of_polars(kind, form, where):
    import polars

    if kind == "to pandas":
        import pandas  # noqa: F401
    scan = {"csv": polars.scan_csv, "parquet": polars.scan_parquet}[form]
    read = {"csv": polars.read_csv, "parquet": polars.read_parquet}[form]
    price, quantity = polars.col("price"), polars.col("quantity")
    return {
        "open": lambda: scan(where).head(10).collect(),
        "count": lambda: scan(where).select(polars.len()).collect().item(),
        "filter and group": lambda: scan(where).filter(price > 50).group_by("category").agg(price.mean(), quantity.sum()).collect(),
        "to pandas": lambda: len(read(where).to_pandas()),
    }[kind]


def of_lazuli(kind, form, where):
    import pandas  # noqa: F401
    import pyarrow

    where = json.loads(where)
    source = {"csv": {"format": "delimited"}, "parquet": {"format": "parquet"}}[form]
    definition = {"type": "tabular", "source": {**source, "paths": [{"local": where["path"]}]}}
    queries = "/api/workspaces/default/queries"

    def ask(table, question):
        return request(where, "POST", queries, {"table": table, "ask": question})

    if kind == "to pandas":
        return lambda: len(pyarrow.ipc.open_stream(ask({"definition": definition}, {"type": "rows"})).read_pandas())
    if kind == "filter and group":
        register(where, "bench", definition)
        sql = "SELECT category, avg(price) price, sum(quantity) quantity FROM bench WHERE price > 50 GROUP BY category"
        return lambda: pyarrow.ipc.open_stream(ask({"sql": sql}, {"type": "rows"})).read_pandas()
    question = {"type": "count"} if kind == "count" else {"type": "preview", "rows": 10}
    return lambda: ask({"definition": definition}, question).read()


def register(where, name, definition):
    body = {"name": name, "definition": definition, "create_new_version": True}
    return json.loads(request(where, "POST", "/api/workspaces/default/datasets", body).read())


def request(where, method, path, body=None):
    import http.client

    place = urllib.parse.urlsplit(where["url"])
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600, blocksize=1 << 20)
    body = None if body is None else json.dumps(body)
    connection.request(method, path, body, {"Content-Type": "application/json", **where["headers"]})
    answer = connection.getresponse()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {answer.read()[:500]!r}")
    return answer


def show(table, files):
    print(f"\n{os.cpu_count()} cores, load at the end {os.getloadavg()[0]:.1f}; ", end="")
    print(", ".join(f"{form}: {path.stat().st_size / 1e6:.0f} MB" for form, path in files.items()) + "\n")
    print("| | lazuli (s) | pandas (s) | polars (s) | lazuli / pandas | worker's memory (MB) |\n|---|---|---|---|---|---|")
    for form, kind, row in table:
        cells = [f"{row[peer][0]:.3g}" for peer in PEERS]
        ratio, memory = row["lazuli"][0] / row["pandas"][0], row["lazuli"][1]
        print(f"| {form}: {kind} | {' | '.join(cells)} | {ratio:.2f} | {memory:.0f} |")


def registry(daemon, arguments, home):
    """A dataset of many files, and many datasets."""
    where = {"url": daemon.url, "headers": daemon.authorization()}
    folder = home / "many"
    folder.mkdir()
    for number in range(arguments.files):
        (folder / f"{number:05}.csv").write_text("id\n1\n")
    definition = {"type": "file", "paths": [{"local": str(folder)}]}
    times = []
    for _ in range(arguments.rounds):
        begin = time.perf_counter()
        register(where, "many", {**definition, "partition_format": None})
        times.append(time.perf_counter() - begin)
        (folder / "00000.csv").write_text("id\n1\n2\n" + "3\n" * len(times))
    print(f"\nregistering a dataset of {arguments.files} files: {statistics.median(times):.3g} s")
    small = {"type": "file", "paths": [{"local": str(folder / "00001.csv")}]}
    for number in range(arguments.datasets):
        register(where, f"dataset-{number:05}", small)
    times = []
    for _ in range(max(arguments.rounds, 5)):
        begin = time.perf_counter()
        cursor, seen = "", 0
        while cursor is not None:
            page = json.loads(request(where, "GET", f"/api/workspaces/default/datasets?cursor={urllib.parse.quote(cursor)}").read())
            seen, cursor = seen + len(page["items"]), page.get("next_cursor")
            if seen:
                break
        times.append(time.perf_counter() - begin)
    print(f"listing a page of {arguments.datasets} datasets ({seen} of them): {statistics.median(times) * 1e3:.3g} ms")


if __name__ == "__main__":
    main()
