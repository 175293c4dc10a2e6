// From a metric's points to what is drawn; pure.
import type { Metric, MetricPoint } from '../api/types';
import { showNumber, toNumber } from './format';

export type Axis = 'step' | 'time' | 'relative';

export interface Line {
  x: number[];
  y: (number | null)[];
}

/** Points in the order of the axis; those that are no numbers are left out. Elapsed times count from `start`. */
export function lineOf(points: MetricPoint[], axis: Axis, start = points[0]?.time_ms ?? 0): Line {
  const pairs: [number, number][] = [];
  for (const point of points) {
    const y = toNumber(point.value);
    if (y === null) continue;
    const x = axis === 'step' ? point.step : (point.time_ms - (axis === 'relative' ? start : 0)) / 1000;
    pairs.push([x, y]);
  }
  // A chart needs its x in order; steps may come in any.
  const isSorted = pairs.every(([x], at) => at === 0 || (pairs[at - 1]?.[0] ?? x) <= x);
  if (!isSorted) pairs.sort(([one], [other]) => one - other);
  return { x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y) };
}

/** The steps of what lies between two places of the axis, with a neighbour on each side: the daemon
 *  reads histories by step. */
export function stepsWithin(
  points: MetricPoint[],
  axis: Axis,
  { from, to }: { from: number; to: number },
): { from_step?: number; to_step?: number } {
  if (axis === 'step') return { from_step: Math.floor(from), to_step: Math.ceil(to) };
  const start = points[0]?.time_ms ?? 0;
  const at = (point: MetricPoint) => (point.time_ms - (axis === 'relative' ? start : 0)) / 1000;
  const before = points.findLastIndex((point) => at(point) < from);
  const after = points.findIndex((point) => at(point) > to);
  const steps = points.slice(Math.max(0, before), after < 0 ? undefined : after + 1).map((point) => point.step);
  return steps.length ? { from_step: Math.min(...steps), to_step: Math.max(...steps) } : {};
}

/** Exponential moving average, begun without a bias to zero; `weight` from 0 (none) to below 1. */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  let last = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    last = last * weight + (1 - weight) * value;
    seen += 1;
    return last / (1 - weight ** seen);
  });
}

/** A picture of a value that is no single number; what has not the promised shape is text. */
export type Picture =
  | { kind: 'line'; lines: { name: string; x: number[]; y: (number | null)[] }[]; label: string }
  | { kind: 'bars'; x: number[]; y: number[]; label: string }
  | { kind: 'table'; columns: string[]; rows: unknown[][] }
  | { kind: 'matrix'; labels: string[]; counts: number[][] }
  | { kind: 'image'; path: string }
  | { kind: 'text'; text: string };

export function pictureOf(metric: Metric): Picture {
  const value = metric.points.at(-1)?.value as unknown;
  const found = {
    scalar: () => null,
    row: () => tableOfObjects(metric.points.map((point) => point.value as unknown)),
    list: () => list(value),
    table: () => table(value),
    image: () => image(value),
    confusion_matrix: () => matrix(value),
    accuracy_table: () => roc(value),
    predictions: () => predictions(value),
    residuals: () => residuals(value),
  }[metric.kind]();
  return found ?? { kind: 'text', text: typeof value === 'string' ? value : JSON.stringify(value ?? '') };
}

function numbers(value: unknown): number[] | null {
  if (!Array.isArray(value)) return null;
  const found = value.map(toNumber);
  return found.every((it) => it !== null) ? (found as number[]) : null;
}

function record(value: unknown): Record<string, unknown> | null {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

function list(value: unknown): Picture | null {
  const found = numbers(value);
  if (!found || found.length < 3) return null;
  const shown = found.slice(0, 5).map((it) => showNumber(it)).join(', ');
  const label = `${found.length} values: ${shown}${found.length > 5 ? ', …' : ''}`;
  return { kind: 'line', lines: [{ name: 'value', x: found.map((_, index) => index), y: found }], label };
}

function tableOfObjects(values: unknown[]): Picture | null {
  const rows = values.map(record).filter((row) => row !== null);
  if (!rows.length) return null;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { kind: 'table', columns, rows: rows.map((row) => columns.map((column) => row[column])) };
}

function table(value: unknown): Picture | null {
  if (Array.isArray(value)) return tableOfObjects(value);
  const columns = record(value);
  if (!columns) return null;
  const names = Object.keys(columns);
  const cells = names.map((name) => (Array.isArray(columns[name]) ? (columns[name] as unknown[]) : [columns[name]]));
  const count = Math.max(0, ...cells.map((column) => column.length));
  const rows = Array.from({ length: count }, (_, row) => cells.map((column) => column[row]));
  return { kind: 'table', columns: names, rows };
}

function image(value: unknown): Picture | null {
  const path = record(value)?.['artifact'];
  return typeof path === 'string' ? { kind: 'image', path } : null;
}

function matrix(value: unknown): Picture | null {
  const data = record(record(value)?.['data']);
  const labels = data?.['class_labels'];
  const counts = Array.isArray(data?.['matrix']) ? data['matrix'].map(numbers) : null;
  if (!Array.isArray(labels) || !counts?.every((row) => row?.length === labels.length)) return null;
  // A matrix of hundreds of classes is no picture any more.
  if (counts.length !== labels.length || labels.length > 40) return null;
  return { kind: 'matrix', labels: labels.map(String), counts: counts as number[][] };
}

/** `probability_tables[class][threshold]` counts true positives, false positives, true negatives
 *  and false negatives, in this order (SDK v1). */
function roc(value: unknown): Picture | null {
  const data = record(record(value)?.['data']);
  const tables = data?.['probability_tables'];
  const labels = data?.['class_labels'];
  if (!Array.isArray(tables) || !Array.isArray(labels)) return null;
  const lines = tables.map((thresholds: unknown, index) => {
    const points = (Array.isArray(thresholds) ? thresholds : []).map(numbers).flatMap((counts) => {
      const [tp = 0, fp = 0, tn = 0, fn = 0] = counts ?? [];
      const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0);
      return [[share(fp, fp + tn), share(tp, tp + fn)] as const];
    });
    points.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    return { name: String(labels[index] ?? index), x: points.map(([x]) => x), y: points.map(([, y]) => y) };
  });
  return { kind: 'line', lines, label: `ROC curves of the classes ${labels.map(String).join(', ')}` };
}

function predictions(value: unknown): Picture | null {
  const data = record(record(value)?.['data']);
  const edges = numbers(data?.['bin_edges']);
  const averages = numbers(data?.['bin_averages']);
  if (!edges || averages?.length !== edges.length - 1) return null;
  const centres = centresOf(edges);
  const lines = [
    { name: 'predicted', x: centres, y: averages },
    { name: 'ideal', x: centres, y: centres },
  ];
  return { kind: 'line', lines, label: `predicted over true values in ${centres.length} bins` };
}

function residuals(value: unknown): Picture | null {
  const data = record(record(value)?.['data']);
  const edges = numbers(data?.['bin_edges']);
  const counts = numbers(data?.['bin_counts']);
  if (!edges || counts?.length !== edges.length - 1) return null;
  return { kind: 'bars', x: centresOf(edges), y: counts, label: `residuals in ${counts.length} bins` };
}

function centresOf(edges: number[]): number[] {
  return edges.slice(1).map((edge, index) => (edge + (edges[index] ?? edge)) / 2);
}
