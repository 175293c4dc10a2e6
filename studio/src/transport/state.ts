import { fill } from '../api/client';
import type { RunDetails } from '../api/types';
import type { Asked, Listener, Transport } from './transport';

/**
 * Answers from the state of a run that was kept: what a saved notebook or an exported file holds.
 * Where nothing can be asked, the last picture is still the same component's.
 */
export class StateTransport implements Transport {
  private details: RunDetails;
  private readonly listeners = new Set<Listener>();
  readonly isFixed = true;

  constructor(details: RunDetails) {
    this.details = details;
  }

  /** A kernel sent a newer state by `update_display_data`. */
  update(details: RunDetails) {
    this.details = details;
    for (const listener of this.listeners) listener.missed?.();
  }

  follow(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async fetch(path: string, asked: Asked = {}): Promise<Response> {
    const answer = (asked.method ?? 'GET') === 'GET' ? this.answer(path) : undefined;
    if (answer instanceof Response) return answer;
    if (answer !== undefined) return Response.json(answer);
    const error = {
      kind: 'unavailable',
      message: 'this is a picture of the run that was kept, it does not hold this',
      hint: 'open the run in Studio',
    };
    return Response.json(error, { status: 503 });
  }

  private answer(path: string): unknown {
    const { run, metrics, children, artifacts, datasets, log_tail: log, images } = this.details;
    const route = path.split('?', 1)[0] ?? '';
    const of = (text: string, name: string) =>
      route === fill(`/api/runs/{run_id}${text}`, { run_id: run.run_id, path: name, name });
    if (of('', '')) return run;
    if (of('/logs', '')) return log.length ? [{ path: KEPT_LOG, size: 0 }] : [];
    if (of('/logs/{path}', KEPT_LOG)) return new Response(log.map((line) => `${line}\n`).join(''));
    if (of('/artifacts', '')) return { items: artifacts };
    if (of('/datasets', '')) return datasets ?? [];
    if (route === fill('/api/workspaces/{workspace}/runs', { workspace: run.workspace })) {
      return { items: children, total: children.length };
    }
    const metric = metrics.find((it) => of('/metrics/{name}', it.name));
    if (metric) return metric;
    for (const [name, uri] of Object.entries((images ?? {}) as Record<string, string>)) {
      if (of('/artifacts/{path}', name)) return image(uri);
    }
    return undefined;
  }
}

const KEPT_LOG = 'user_logs/std_log.txt';

function image(uri: string): Response | undefined {
  const found = /^data:(image\/[a-z+]+);base64,([A-Za-z0-9+/=]*)$/.exec(uri);
  if (!found) return undefined;
  const bytes = Uint8Array.from(atob(found[2] ?? ''), (character) => character.charCodeAt(0));
  return new Response(bytes, { headers: { 'content-type': found[1] ?? '' } });
}
