// How a component reaches the daemon. Studio asks the same origin, JupyterLab a proxy that holds the
// token, VS Code its extension by messages, and a file that was exported carries the answers itself.

import type { LazuliEvent } from '../api/types';

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export interface Transport {
  /** Answers as `fetch` does; `path` begins with `/api/`. */
  fetch(path: string, asked?: Asked): Promise<Response>;

  /** Calls `listener` with everything that happens, until the answer is called. */
  follow(listener: Listener): () => void;

  /** An address by which a browser downloads the file itself; none: it is fetched and saved. */
  href?(path: string): string;

  /** What is shown was read once and nothing can be asked for: no buttons that change things. */
  readonly isFixed?: boolean;
}

export interface Listener {
  event(event: LazuliEvent): void;
  /** The stream was interrupted for so long that events may be missing: read the state anew. */
  missed?(): void;
  /** Whether the daemon is being heard. */
  connected?(isConnected: boolean): void;
}
