// The daemon as the run views need it. They ask by messages, and this side adds the token: a web view never
// sees it.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** As studio/src/transport/messages.ts has them, bytes aside. */
export type FromView =
  | { lazuli: 'fetch'; id: number; path: string; method: string; headers: Record<string, string>; body?: string }
  | { lazuli: 'follow' };
export type ToView =
  /** Messages to notebooks travel as JSON, so bytes are base64 here; `web/decode.ts` makes bytes of them. */
  | { lazuli: 'answer'; id: number; status: number; headers: Record<string, string>; base64: string }
  | { lazuli: 'failed'; id: number; message: string }
  | { lazuli: 'event'; event: unknown }
  | { lazuli: 'missed' }
  | { lazuli: 'connected'; isConnected: boolean };

export class Daemon {
  /** `home`: `$LAZULI_HOME`, else `~/.lazuli`. */
  constructor(private readonly home = process.env['LAZULI_HOME'] || join(homedir(), '.lazuli')) {}

  /** Asks one thing. Only the API's own paths are let through. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { address, token } = await this.place();
    const url = new URL(path, address);
    if (url.origin !== new URL(address).origin || !url.pathname.startsWith('/api/')) {
      throw new Error(`\`${path}\` is no path of the daemon`);
    }
    return fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` }, redirect: 'error' });
  }

  /** Events until `signal`; a connection that breaks is made again. */
  async follow(tell: (message: ToView) => void, signal: AbortSignal): Promise<void> {
    let last = 0;
    while (!signal.aborted) {
      try {
        const answer = await this.fetch(`/api/events${last ? `?after=${last}` : ''}`, { signal, headers: { accept: 'text/event-stream' } });
        if (!answer.ok || !answer.body) throw new Error(`the daemon answered ${answer.status}`);
        tell({ lazuli: 'connected', isConnected: true });
        tell({ lazuli: 'missed' });
        for await (const event of events(answer.body)) {
          last = event.sequence;
          tell({ lazuli: 'event', event });
        }
      } catch {
        // Gone or going: said below, and tried again.
      }
      if (signal.aborted) return;
      tell({ lazuli: 'connected', isConnected: false });
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  private async place(): Promise<{ address: string; token: string }> {
    try {
      const [known, token] = await Promise.all([readFile(join(this.home, 'daemon.json'), 'utf8'), readFile(join(this.home, 'token'), 'utf8')]);
      const { url } = JSON.parse(known) as { url: string };
      return { address: url, token: token.trim() };
    } catch {
      throw new Error('no daemon is running');
    }
  }
}

interface Numbered {
  sequence: number;
}

/** Server-sent events whose data is JSON. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Numbered> {
  let text = '';
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text.slice(0, end).split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n');
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data) as Numbered;
    }
  }
}

/** Answers one view's questions until it is disposed. */
export class ViewHost {
  private readonly abort = new AbortController();
  private follows = false;

  constructor(private readonly daemon: Daemon, private readonly post: (message: ToView) => void) {}

  async receive(message: FromView): Promise<void> {
    if (message.lazuli === 'follow') {
      if (!this.follows) void this.daemon.follow(this.post, this.abort.signal);
      this.follows = true;
      return;
    }
    if (message.lazuli !== 'fetch') return;
    const { id, path, method, headers, body } = message;
    try {
      const answer = await this.daemon.fetch(path, { method, headers, body, signal: this.abort.signal });
      const base64 = Buffer.from(await answer.arrayBuffer()).toString('base64');
      this.post({ lazuli: 'answer', id, status: answer.status, headers: Object.fromEntries(answer.headers), base64 });
    } catch (error) {
      this.post({ lazuli: 'failed', id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  dispose() {
    this.abort.abort();
  }
}
