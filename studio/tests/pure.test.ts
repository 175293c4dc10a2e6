import { describe, expect, test } from 'vitest';

import { fill } from '../src/api/client';
import type { Metric, Run } from '../src/api/types';
import { differing, field, fields, firstOf, namesOf, text } from '../src/pages/runs/columns';
import { scaleOf } from '../src/pages/compare/scale';
import { framed, notebookCells, parseRows, plain, shownAs } from '../src/parts/files';
import { elapsed, showAgo, showBrowser, showBytes, showDuration, showNumber, showValue, toNumber } from '../src/parts/format';
import { packagesOf } from '../src/parts/packages';
import { paced } from '../src/parts/paced';
import { lineOf, pictureOf, smooth, stepsWithin } from '../src/parts/series';
import { placeOf } from '../src/run-details/failure';
import { LogText } from '../src/run-details/log-text';

const run = (fields: Partial<Run>): Run => ({
  run_id: 'churn_1_00000000',
  workspace: 'default',
  experiment: 'churn',
  name: 'one',
  kind: 'interactive',
  status: 'Completed',
  user: 'anna',
  compute: 'local',
  created_at_ms: 0,
  ...fields,
});
const metric = (kind: Metric['kind'], ...values: unknown[]): Metric => ({
  name: 'm',
  kind,
  points: values.map((value, step) => ({ step, time_ms: 1000 * step, value: value as never })),
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [0.1 + 0.2, '0.3'],
    [1234567, '1,234,567'],
    [0.000012345678, '1.2346e-5'],
    [-3.2e12, '-3,200,000,000,000'],
    [1.5e20, '1.5e20'],
    [NaN, 'NaN'],
  ])('%s is shown as %s', (value, shown) => expect(showNumber(value)).toBe(shown));

  test('what JSON cannot say comes as text', () => {
    expect(toNumber('NaN')).toBeNaN();
    expect(toNumber('-Infinity')).toBe(-Infinity);
    expect(toNumber('liblinear')).toBeNull();
    expect(showValue({ a: 1 })).toBe('{"a":1}');
    expect(showValue(null)).toBe('');
  });
});

test('times', () => {
  expect([420, 1500, 65_000, 3_700_000, 200_000_000].map(showDuration)).toEqual(['420 ms', '1.5 s', '1 min 5 s', '1 h 1 min', '2 d 7 h']);
  expect([0, 30, 90, 7200].map((seconds) => showAgo(0, seconds * 1000))).toEqual(['just now', '30 s ago', '1 min ago', '2 h ago']);
  expect(elapsed(run({ status: 'Running', started_at_ms: 1000 }), 4000)).toBe(3000);
  expect(elapsed(run({ started_at_ms: 1000, ended_at_ms: 2000 }), 9000)).toBe(1000);
  expect(elapsed(run({ status: 'Queued' }), 9000)).toBeNull();
});

test('sizes', () => {
  expect([0, 999, 1000, 1_234_567, 999_900].map(showBytes)).toEqual(['0 B', '999 B', '1.0 kB', '1.2 MB', '1.0 MB']);
});

test('names in addresses are encoded once, and slashes of files stay', () => {
  expect(fill('/api/runs/{run_id}/metrics/{name}', { run_id: 'a', name: 'val/loss %' })).toBe('/api/runs/a/metrics/val%2Floss%20%25');
  expect(fill('/x/{path}', { path: 'a b/c#.txt' }, { limit: 2, cursor: undefined })).toBe('/x/a%20b/c%23.txt?limit=2');
});

describe('lines', () => {
  test('steps in any order are drawn in order, texts are left out', () => {
    const points = [
      { step: 2, time_ms: 5, value: 2 },
      { step: 1, time_ms: 6, value: 'NaN' },
      { step: 3, time_ms: 7, value: 'word' },
    ] as never;
    expect(lineOf(points, 'step')).toEqual({ x: [1, 2], y: [NaN, 2] });
    expect(lineOf(points, 'relative').x).toEqual([0, 0.001]);
  });

  test('what lies within a time is asked for by its steps, with a neighbour on each side', () => {
    const points = metric('scalar', 5, 4, 3, 2, 1).points.map((point) => ({ ...point, step: point.step * 10 }));
    expect(stepsWithin(points, 'relative', { from: 1.5, to: 2.5 })).toEqual({ from_step: 10, to_step: 30 });
    expect(stepsWithin(points, 'step', { from: 1.5, to: 2.5 })).toEqual({ from_step: 1, to_step: 3 });
    expect(stepsWithin([], 'time', { from: 0, to: 1 })).toEqual({});
    // A part of the history counts from the whole one's beginning.
    expect(lineOf(points.slice(2), 'relative', 0).x).toEqual([2, 3, 4]);
  });
  test('smoothing begins at the first value and jumps over gaps', () => {
    const smoothed = smooth([10, null, 20], 0.5);
    expect(smoothed[0]).toBe(10);
    expect(smoothed[1]).toBeNull();
    expect(smoothed[2]).toBeCloseTo(16.667, 3);
    expect(smooth([1, 2], 0)).toEqual([1, 2]);
  });
});

describe('pictures of metrics', () => {
  test('tables by columns and by rows', () => {
    expect(pictureOf(metric('table', { a: [1, 2], b: ['x'] }))).toEqual({ kind: 'table', columns: ['a', 'b'], rows: [[1, 'x'], [2, undefined]] });
    expect(pictureOf(metric('row', { a: 1 }, { b: 2 }))).toEqual({ kind: 'table', columns: ['a', 'b'], rows: [[1, undefined], [undefined, 2]] });
  });
  test('a confusion matrix that is none is text', () => {
    const good = { data: { class_labels: ['a', 'b'], matrix: [[1, 2], [3, 4]] } };
    expect(pictureOf(metric('confusion_matrix', good)).kind).toBe('matrix');
    expect(pictureOf(metric('confusion_matrix', { data: { class_labels: ['a'], matrix: [[1, 2]] } })).kind).toBe('text');
    expect(pictureOf(metric('confusion_matrix', null)).kind).toBe('text');
  });
  test('ROC curves', () => {
    const value = { data: { class_labels: ['a'], probability_tables: [[[5, 5, 0, 0], [0, 0, 5, 5]]] } };
    expect(pictureOf(metric('accuracy_table', value))).toMatchObject({ kind: 'line', lines: [{ name: 'a', x: [0, 1], y: [0, 1] }] });
  });
  test('residuals and predictions stand in the middle of their bins', () => {
    expect(pictureOf(metric('residuals', { data: { bin_edges: [0, 2, 4], bin_counts: [1, 3] } }))).toMatchObject({ kind: 'bars', x: [1, 3], y: [1, 3] });
    expect(pictureOf(metric('predictions', { data: { bin_edges: [0, 2], bin_averages: [1.5] } }))).toMatchObject({ kind: 'line' });
  });
});

describe('files', () => {
  test('by their names', () => {
    expect(['a.PNG', 'a.csv', 'b.ipynb', 'c.html', 'd.py', 'e.pkl', 'x/MLmodel'].map(shownAs)).toEqual(['image', 'table', 'notebook', 'report', 'text', 'none', 'text']);
  });
  test('quotes, line ends and doubled quotes of CSV', () => {
    expect(parseRows('a,"b, c"\r\n"say ""hi""","two\nlines"\n', ',', 10)).toEqual([['a', 'b, c'], ['say "hi"', 'two\nlines']]);
    expect(parseRows('a\n\nb', ',', 2)).toEqual([['a'], ['']]);
  });
  test('a notebook is text and pictures', () => {
    const book = { cells: [{ cell_type: 'code', source: ['a\n', 'b'], outputs: [{ data: { 'image/png': 'AAAA\n', 'text/html': '<b>' } }, { output_type: 'error', traceback: ['\u001b[31mbad\u001b[0m'] }] }] };
    expect(notebookCells(JSON.stringify(book))).toEqual([{ kind: 'code', source: 'a\nb', outputs: [{ image: 'data:image/png;base64,AAAA' }, { text: 'bad', isError: true }] }]);
    const evil = { cells: [{ cell_type: 'code', outputs: [{ data: { 'image/png': '"><script>' } }] }] };
    expect(notebookCells(JSON.stringify(evil))[0]?.outputs[0]?.image).toBeUndefined();
  });
  test('colours of a terminal are no text', () => {
    expect(plain('\u001b[1;32mok\u001b[0m \u001b]0;title\u0007x')).toBe('ok x');
  });
});

describe('logs', () => {
  const bytes = (words: string) => new TextEncoder().encode(words).buffer as ArrayBuffer;
  test('lines that come in pieces are whole, a progress bar stands as it is', () => {
    const log = new LogText();
    log.add(bytes('one\ntw'));
    expect(log.lines).toEqual(['one', 'tw']);
    log.add(bytes('o\n10%\r20%'));
    expect(log.lines).toEqual(['one', 'two', '20%']);
    log.add(bytes('\r30%\nend\r\n'));
    expect(log.lines).toEqual(['one', 'two', '30%', 'end']);
  });
  test('a character that is cut in two is one', () => {
    const log = new LogText();
    const whole = new TextEncoder().encode('ü\n');
    log.add(whole.slice(0, 1).buffer as ArrayBuffer);
    log.add(whole.slice(1).buffer as ArrayBuffer);
    expect(log.lines).toEqual(['ü']);
  });
});

describe('columns of runs', () => {
  const summary = { name: 'val loss', kind: 'scalar', count: 2, last: { step: 1, time_ms: 0, value: 0.25 } } as never;
  test('names with spaces go between backticks', () => {
    expect(field('metrics.val loss')).toBe('metrics.`val loss`');
    expect(field('params.a`b')).toBe('params.`a``b`');
    expect(field('elapsed')).toBe('duration');
    expect(fields(['name', 'user', 'metrics.x'])).toContain('user,metrics.`x`');
  });
  test('cells, names and differences', () => {
    const one = run({ metrics: [summary], parameters: { lr: '1' }, tags: { team: 'blue' } });
    const other = run({ metrics: [summary], parameters: { lr: '2' }, tags: { team: 'blue' } });
    expect(firstOf([one, other, run({})]).slice(-2)).toEqual(['metrics.val loss', 'params.lr']);
    expect(namesOf([one])).toEqual(['metrics.val loss', 'params.lr', 'tags.team']);
    expect(text(one, 'metrics.val loss', 0)).toBe('0.25');
    expect(differing(['name', 'status', 'params.lr', 'tags.team', 'experiment'], [one, other])).toEqual(['name', 'status', 'params.lr']);
  });
});

test('axes: numbers by their size, words side by side, what is missing nowhere', () => {
  const numbers = scaleOf({ name: 'lr', values: [1, 3, null, NaN] });
  expect([1, 2, 3, null, NaN].map((value) => numbers.at(value))).toEqual([0, 0.5, 1, null, null]);
  const words = scaleOf({ name: 'optimizer', values: ['sgd', 'adam', null] });
  expect([words.at('adam'), words.at('sgd'), words.at(null)]).toEqual([0, 1, null]);
  expect(scaleOf({ name: 'same', values: [5, 5] }).at(5)).toBe(0.5);
});

test('what is asked for while busy is one call afterwards, and never two at once', async () => {
  let calls = 0;
  let busy = 0;
  let release = () => {};
  const work = paced(async () => {
    calls += 1;
    expect(++busy).toBe(1);
    await new Promise<void>((resolve) => (release = resolve));
    busy -= 1;
  }, 0);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
  work.ask();
  await settled();
  work.ask();
  work.ask();
  release();
  await settled();
  expect(calls).toBe(2);
  work.stop();
  work.ask();
  release();
  await settled();
  expect(calls).toBe(2);
});

test('a failure says in which line of which file it was, the last one of the own files', () => {
  const traceback = `Traceback (most recent call last):
  File "/home/a/runs/churn_1/code/train.py", line 12, in <module>
    main()
  File "/home/a/runs/churn_1/code/steps/clean.py", line 7, in clean
    frame["left"]
  File "/usr/lib/python3/site-packages/pandas/core/frame.py", line 4102, in __getitem__
KeyError: 'left'`;
  expect(placeOf(traceback, 'churn_1')).toBe('steps/clean.py, line 7');
  expect(placeOf('File "train.py", line 3\n    x = (\nSyntaxError', 'churn_1')).toBe('train.py, line 3');
  expect(placeOf('killed', 'churn_1')).toBeNull();
  expect(placeOf(null, 'churn_1')).toBeNull();
});

test('a report is framed with its policy before everything else', () => {
  expect(framed('<!doctype html><img src="//elsewhere/pixel">')).toMatch(/^<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'; [^"]*">/);
});

test('what an environment is made of, in one line', () => {
  const conda = { channels: ['conda-forge'], dependencies: ['python=3.8', 'python-dateutil', { pip: ['six'] }] };
  expect(packagesOf({ conda }).short).toBe('python=3.8 · python-dateutil, six');
  expect(packagesOf({ conda }).pip).toEqual(['six']);
  expect(packagesOf({ user_managed: true }).short).toBe('Python of who submits · used as it is');
  expect(packagesOf({ base_conda_environment: 'old' }).python).toBe('conda environment old');
  expect(packagesOf(undefined).short).toBe('Python of who submits');
});

test('browsers by their short names', () => {
  expect(showBrowser('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe('Firefox 140, Linux');
  expect(showBrowser('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15')).toBe('Safari 18, Mac OS X');
  expect(showBrowser('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0')).toBe('Edge 140, Windows');
  expect(showBrowser('curl/8')).toBe('curl/8');
});
