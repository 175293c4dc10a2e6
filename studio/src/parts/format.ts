// How values are written for people; pure.
import type { Run, RunStatus } from '../api/types';

/** A metric's value: JSON has no NaN and no infinities, they come as texts. */
export function toNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  return null;
}

/** A whole number with its thousands apart. By hand: a page's first `toLocaleString` holds it up for 65 ms and more. */
export function showCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Six significant digits unless told; whole numbers whole. */
export function showNumber(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return showCount(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    const [mantissa = '', exponent = ''] = value.toExponential(digits - 2).split('e');
    return `${mantissa.replace(/\.?0+$/, '')}e${exponent.replace('+', '')}`;
  }
  return String(Number(value.toPrecision(digits)));
}

/** Any JSON value in a cell. */
export function showValue(value: unknown, digits = 6): string {
  if (value === null || value === undefined) return '';
  const number = toNumber(value);
  if (number !== null) return showNumber(number, digits);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = -1;
  do {
    size /= 1000;
    unit += 1;
  } while (size >= 999.5 && unit < units.length - 1);
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function showDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Made when it is first used: the first one of a page costs more than the page's other code. */
function once(options: Intl.DateTimeFormatOptions): () => Intl.DateTimeFormat {
  let made: Intl.DateTimeFormat | null = null;
  return () => (made ??= new Intl.DateTimeFormat(undefined, options));
}

const clock = once({ dateStyle: 'medium', timeStyle: 'medium' });
const hour = once({ timeStyle: 'medium' });

export function showTime(ms: number): string {
  return clock().format(ms);
}

export function showDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The time of day; of another day than today, the day. */
export function showClock(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return isToday ? hour().format(ms) : showDay(ms);
}

/** "3 min ago"; what is older than a month is a date. */
export function showAgo(ms: number, now: number): string {
  const seconds = Math.floor((now - ms) / 1000);
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  if (days < 31) return `${days} d ago`;
  return showDay(ms);
}

export function isFinal(status: RunStatus): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Canceled';
}

/** How long it has been going on, or went on. */
export function elapsed(run: Pick<Run, 'status' | 'started_at_ms' | 'ended_at_ms'>, now: number): number | null {
  if (!run.started_at_ms) return null;
  const end = run.ended_at_ms ?? (isFinal(run.status) ? run.started_at_ms : now);
  return Math.max(0, end - run.started_at_ms);
}

interface Look {
  sign: string;
  name: string;
  tone: 'good' | 'bad' | 'live' | 'waits' | 'ended';
}

/** The sign says without colour what the colour says. */
const LOOKS: Record<RunStatus, Look> = {
  NotStarted: { sign: '…', name: 'Not started', tone: 'waits' },
  Queued: { sign: '…', name: 'Queued', tone: 'waits' },
  Preparing: { sign: '…', name: 'Preparing', tone: 'waits' },
  Running: { sign: '▶', name: 'Running', tone: 'live' },
  Finalizing: { sign: '▶', name: 'Finalizing', tone: 'live' },
  CancelRequested: { sign: '■', name: 'Cancelling', tone: 'ended' },
  Completed: { sign: '✔', name: 'Completed', tone: 'good' },
  Failed: { sign: '✘', name: 'Failed', tone: 'bad' },
  Canceled: { sign: '■', name: 'Canceled', tone: 'ended' },
};

export function look(status: RunStatus): Look {
  return LOOKS[status];
}

/** What a browser calls itself, in short: "Firefox 140, Linux". */
export function showBrowser(agent: string): string {
  const [, name, version] = /(Firefox|Edg|OPR)\/(\d+)/.exec(agent) ?? /(HeadlessChrome|Chrome)\/(\d+)/.exec(agent) ?? /(Version)\/(\d+).*Safari/.exec(agent) ?? [];
  const [system] = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(agent) ?? [];
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari', HeadlessChrome: 'Chrome' };
  if (!name) return agent || 'unknown';
  return [`${names[name] ?? name} ${version}`, system].filter(Boolean).join(', ');
}
