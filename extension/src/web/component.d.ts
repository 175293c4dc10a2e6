// The component that Studio's build made: studio/src/run-details/index.ts.
declare module '*/run-details.js' {
  import type { FromView } from '../daemon';

  export interface Transport {
    fetch(path: string): Promise<Response>;
  }
  export class MessageTransport implements Transport {
    constructor(send: (message: FromView) => void);
    fetch(path: string): Promise<Response>;
    receive(message: unknown): void;
  }
  export class StateTransport implements Transport {
    constructor(details: object);
    fetch(path: string): Promise<Response>;
    update(details: object): void;
  }
  export interface RunDetailsElement extends HTMLElement {
    transport: Transport | null;
    runId: string;
  }
  export function define(): void;
}
