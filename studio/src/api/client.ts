import type { Transport } from '../transport/transport';
import type { AnswerOf, ApiError, BodyOf, Method, Names, PathOf, QueryOf } from './types';
import type { paths } from './schema';

/** A refused or failed request: one sentence, and the next step where there is one. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }

  /** Sentence and next step. */
  get text(): string {
    return this.hint ? `${this.message}. Next: ${this.hint}` : this.message;
  }
}

/** What to tell people of anything that was thrown. */
export function explain(error: unknown): string {
  if (error instanceof Failure) return error.text;
  return error instanceof Error ? error.message : String(error);
}

type Options<Query> = { query?: Query & object; signal?: AbortSignal };

/** The daemon's API, typed by its own description. */
export class Client {
  constructor(readonly transport: Transport) {}

  get<P extends PathOf<'get'>>(
    path: P,
    names: Names<P>,
    options: Options<QueryOf<P, 'get'>> = {},
  ): Promise<AnswerOf<P, 'get'>> {
    return this.ask('get', path, names, undefined, options);
  }

  post<P extends PathOf<'post'>>(
    path: P,
    names: Names<P>,
    body: BodyOf<P, 'post'>,
  ): Promise<AnswerOf<P, 'post'>> {
    return this.ask('post', path, names, body, {});
  }

  patch<P extends PathOf<'patch'>>(
    path: P,
    names: Names<P>,
    body: BodyOf<P, 'patch'>,
  ): Promise<AnswerOf<P, 'patch'>> {
    return this.ask('patch', path, names, body, {});
  }

  delete<P extends PathOf<'delete'>>(path: P, names: Names<P>): Promise<AnswerOf<P, 'delete'>> {
    return this.ask('delete', path, names, undefined, {});
  }

  /** The answer as it comes, for what is no JSON. */
  async raw(path: string, headers: Record<string, string> = {}, signal?: AbortSignal) {
    const answer = await this.transport.fetch(path, signal ? { headers, signal } : { headers });
    if (!answer.ok) throw await failure(answer);
    return answer;
  }

  private async ask<P extends keyof paths, M extends Method>(
    method: M,
    path: P,
    names: Names<P>,
    body: unknown,
    options: Options<QueryOf<P, M>>,
  ): Promise<AnswerOf<P, M>> {
    const address = fill(path, names as Record<string, string | number>, options.query);
    const answer = await this.transport.fetch(address, {
      method: method.toUpperCase(),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (!answer.ok) throw await failure(answer);
    const text = await answer.text();
    return (text ? JSON.parse(text) : undefined) as AnswerOf<P, M>;
  }
}

/** The route with its names, each percent-encoded; `/` in a path of files stays. */
export function fill(route: string, names: Record<string, string | number>, query?: object): string {
  const path = route.replace(/\{(\w+)\}/g, (_, name: string) => {
    const text = String(names[name]);
    const parts = name === 'path' ? text.split('/') : [text];
    return parts.map(encodeURIComponent).join('/');
  });
  const asked = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') asked.set(key, String(value));
  }
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

async function failure(answer: Response): Promise<Failure> {
  const text = await answer.text().catch(() => '');
  try {
    const body = JSON.parse(text) as ApiError;
    if (typeof body.message === 'string') {
      return new Failure(answer.status, body.kind, body.message, body.hint ?? null);
    }
  } catch {
    // Not the daemon's words: something in between answered.
  }
  return new Failure(answer.status, 'internal', `the daemon answered ${answer.status}`);
}
