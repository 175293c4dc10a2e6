// The module that a host imports: the element and the ways to reach a daemon.
export { define, RunDetailsElement, type Target } from './element';
export { HttpTransport } from '../transport/http';
export { MessageTransport, type FromHost, type ToHost } from '../transport/messages';
export { StateTransport } from '../transport/state';
export type { Asked, Listener, Transport } from '../transport/transport';
