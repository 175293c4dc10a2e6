// The columns of the list of runs: which there are, what they ask of the daemon and what they show.
import type { MetricSummary, Run, Texts } from '../../api/types';
import { elapsed, showAgo, showDuration, showValue } from '../../parts/format';

/** `status`, `metrics.loss`, `params.lr`, `tags.team`. */
export type Column = string;

export const OWN: Record<string, { name: string; width: string; fields: string[]; order?: string }> = {
  name: { name: 'Run', width: 'minmax(150px, 2fr)', fields: ['name'], order: 'name' },
  status: { name: 'Status', width: '124px', fields: ['status'], order: 'status' },
  experiment: { name: 'Experiment', width: 'minmax(102px, 1fr)', fields: [], order: 'experiment' },
  created: { name: 'Created', width: '104px', fields: ['created_at_ms'], order: 'created' },
  elapsed: { name: 'Elapsed', width: '98px', fields: ['started_at_ms', 'ended_at_ms'], order: 'duration' },
  user: { name: 'By', width: '100px', fields: ['user'], order: 'user' },
  compute: { name: 'Compute', width: '100px', fields: ['compute'], order: 'compute' },
  kind: { name: 'Kind', width: '96px', fields: ['kind'], order: 'kind' },
  parent: { name: 'Parent', width: '160px', fields: ['parent_run_id'], order: 'parent' },
};

export const FIRST: Column[] = ['name', 'status', 'experiment', 'created', 'elapsed'];

/** Columns for who has chosen none: those above, and what most of these runs have logged. */
export function firstOf(runs: Run[]): Column[] {
  const often = (names: (run: Run) => string[], most: number) => {
    const counts = new Map<string, number>();
    for (const run of runs) for (const name of names(run)) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].sort(([, one], [, other]) => other - one).slice(0, most).map(([name]) => name);
  };
  return [
    ...FIRST,
    ...often((run) => (run.metrics ?? []).filter((it) => it.kind === 'scalar').map((it) => `metrics.${it.name}`), 2),
    ...often((run) => Object.keys((run.parameters ?? {}) as Texts).map((key) => `params.${key}`), 2),
  ];
}

/** Always asked for: identity, and what elapsed times and links need. */
const ALWAYS = ['run_id', 'experiment', 'name', 'status', 'created_at_ms', 'started_at_ms', 'ended_at_ms'];

export function parts(column: Column): { family: string; key: string } {
  const at = column.indexOf('.');
  return at < 0 ? { family: '', key: column } : { family: column.slice(0, at), key: column.slice(at + 1) };
}

/** The field of search and of projections, its name between backticks where it needs them. */
export function field(column: Column): string {
  const { family, key } = parts(column);
  return family ? `${family}.\`${key.replaceAll('`', '``')}\`` : (OWN[column]?.order ?? column);
}

export function fields(columns: Column[]): string {
  const asked = new Set(ALWAYS);
  for (const column of columns) {
    if (parts(column).family) asked.add(field(column));
    else for (const name of OWN[column]?.fields ?? []) asked.add(name);
  }
  return [...asked].join(',');
}

export function title(column: Column): string {
  return OWN[column]?.name ?? parts(column).key;
}

export function width(column: Column): string {
  return OWN[column]?.width ?? (column.startsWith('metrics.') ? 'minmax(140px, 1fr)' : 'minmax(76px, 1fr)');
}

export function metricOf(run: Run, column: Column): MetricSummary | undefined {
  return run.metrics?.find((metric) => metric.name === parts(column).key);
}

/** The text of a cell. */
export function text(run: Run, column: Column, now: number): string {
  const { family, key } = parts(column);
  switch (family) {
    case 'metrics':
      return showValue(metricOf(run, column)?.last.value, 4);
    case 'params':
      return (run.parameters as Texts | undefined)?.[key] ?? '';
    case 'tags':
      return (run.tags as Texts | undefined)?.[key] ?? '';
  }
  switch (column) {
    case 'created':
      return showAgo(run.created_at_ms, now);
    case 'elapsed': {
      const time = elapsed(run, now);
      return time === null ? '' : showDuration(time);
    }
    case 'parent':
      return run.parent_run_id ?? '';
    case 'name':
    case 'status':
    case 'experiment':
    case 'user':
    case 'compute':
    case 'kind':
      return run[column] ?? '';
  }
  return '';
}

/** Columns in which the runs differ; who a run is stays in any case. */
export function differing(columns: Column[], runs: Run[]): Column[] {
  return columns.filter((column) => {
    if (column === 'name' || column === 'status') return true;
    const first = runs[0] && text(runs[0], column, 0);
    return runs.length < 2 || runs.some((run) => text(run, column, 0) !== first);
  });
}

/** Names that these runs know, as columns. */
export function namesOf(runs: Run[]): Column[] {
  const found = new Set<Column>();
  for (const run of runs) {
    for (const metric of run.metrics ?? []) if (metric.kind === 'scalar') found.add(`metrics.${metric.name}`);
    for (const key of Object.keys(run.parameters ?? {})) found.add(`params.${key}`);
    for (const key of Object.keys(run.tags ?? {})) found.add(`tags.${key}`);
  }
  return [...found].sort();
}
