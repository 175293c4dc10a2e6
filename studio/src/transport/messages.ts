import type { LazuliEvent } from '../api/types';
import type { Asked, Listener, Transport } from './transport';

/** What a component in a web view says to the editor's extension, which holds the token. */
export type ToHost =
  | { lazuli: 'fetch'; id: number; path: string; method: string; headers: Record<string, string>; body?: string }
  | { lazuli: 'follow' };

/** What the extension answers. */
export type FromHost =
  | { lazuli: 'answer'; id: number; status: number; headers: Record<string, string>; body: ArrayBuffer | string }
  | { lazuli: 'failed'; id: number; message: string }
  | { lazuli: 'event'; event: LazuliEvent }
  | { lazuli: 'missed' }
  | { lazuli: 'connected'; isConnected: boolean };

/** Asks by messages. The owner of the channel hands what arrives to `receive`. */
export class MessageTransport implements Transport {
  private readonly listeners = new Set<Listener>();
  private readonly waiting = new Map<
    number,
    { resolve: (answer: Response) => void; reject: (error: Error) => void }
  >();
  private asked = 0;
  private follows = false;

  constructor(private readonly send: (message: ToHost) => void) {}

  fetch(path: string, asked: Asked = {}): Promise<Response> {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      asked.signal?.addEventListener('abort', () => {
        this.waiting.delete(id);
        reject(new DOMException('the request was given up', 'AbortError'));
      });
      const { method = 'GET', headers = {}, body } = asked;
      this.send({ lazuli: 'fetch', id, path, method, headers, ...(body === undefined ? {} : { body }) });
    });
  }

  follow(listener: Listener): () => void {
    this.listeners.add(listener);
    if (!this.follows) this.send({ lazuli: 'follow' });
    this.follows = true;
    return () => this.listeners.delete(listener);
  }

  receive(message: unknown) {
    const told = message as FromHost;
    if (!told || typeof told !== 'object') return;
    switch (told.lazuli) {
      case 'answer': {
        const { id, status, headers, body } = told;
        const isEmpty = status === 204 || status === 304;
        this.waiting.get(id)?.resolve(new Response(isEmpty ? null : body, { status, headers }));
        this.waiting.delete(id);
        break;
      }
      case 'failed':
        this.waiting.get(told.id)?.reject(new Error(told.message));
        this.waiting.delete(told.id);
        break;
      case 'event':
        for (const listener of this.listeners) listener.event(told.event);
        break;
      case 'missed':
        for (const listener of this.listeners) listener.missed?.();
        break;
      case 'connected':
        for (const listener of this.listeners) listener.connected?.(told.isConnected);
        break;
    }
  }
}
