import type { LazuliEvent } from '../api/types';
import type { Asked, Listener, Transport } from './transport';

/**
 * The daemon below `base` of this page's origin: '' in Studio, Jupyter's base address and `/lazuli`
 * behind the proxy. `headers` says what each request carries besides.
 *
 * All components of a page share one event stream, and a page that nobody sees has none: a browser
 * opens six connections to a host, for all its tabs together.
 */
export class HttpTransport implements Transport {
  private readonly listeners = new Set<Listener>();
  private source: EventSource | null = null;
  private last = 0;
  private retry: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly base: string,
    private readonly headers: () => Record<string, string> = () => ({}),
  ) {
    document.addEventListener('visibilitychange', () => this.adjust());
  }

  fetch(path: string, asked: Asked = {}): Promise<Response> {
    return fetch(this.base + path, {
      ...asked,
      headers: { ...this.headers(), ...asked.headers },
      credentials: 'same-origin',
      redirect: 'error',
    });
  }

  href(path: string): string {
    return this.base + path;
  }

  follow(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.source?.readyState === EventSource.OPEN) listener.connected?.(true);
    this.adjust();
    return () => {
      this.listeners.delete(listener);
      this.adjust();
    };
  }

  private adjust() {
    const isWanted = this.listeners.size > 0 && document.visibilityState === 'visible';
    if (isWanted && !this.source) this.open();
    if (!isWanted && this.source) this.close();
  }

  private open() {
    const after = this.last ? `?after=${this.last}` : '';
    const source = new EventSource(`${this.base}/api/events${after}`);
    this.source = source;
    source.onopen = () => {
      for (const listener of this.listeners) {
        listener.connected?.(true);
        // What happened between reading the state and opening the stream was heard by nobody.
        if (!after) listener.missed?.();
      }
    };
    source.onerror = () => {
      for (const listener of this.listeners) listener.connected?.(false);
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return;
      // Refused for good, as when those events are kept no more: begin anew from now on.
      this.close();
      this.last = 0;
      this.retry = setTimeout(() => this.adjust(), 2000);
    };
    for (const kind of EVENTS) source.addEventListener(kind, (message) => this.heard(message));
  }

  private close() {
    this.source?.close();
    this.source = null;
    if (this.retry) clearTimeout(this.retry);
    this.retry = null;
  }

  private heard(message: MessageEvent<string>) {
    const event = JSON.parse(message.data) as LazuliEvent;
    this.last = event.sequence;
    for (const listener of this.listeners) listener.event(event);
  }
}

/** `EventSource` hears only what it is told to listen for; the compiler knows whether this is all. */
const KINDS: Record<LazuliEvent['type'], true> = {
  run_created: true,
  run_status: true,
  run_updated: true,
  run_deleted: true,
  run_restored: true,
  experiment_deleted: true,
  experiment_restored: true,
  metrics_logged: true,
  log_appended: true,
  artifact_added: true,
  model_registered: true,
  model_deleted: true,
  dataset_registered: true,
  dataset_deleted: true,
};
export const EVENTS = Object.keys(KINDS);
