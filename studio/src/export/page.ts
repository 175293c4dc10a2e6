// The script of an exported file: shows the state that the file carries, and asks nobody.
import type { RunDetails } from '../api/types';
import { define, type RunDetailsElement } from '../run-details/element';
import { StateTransport } from '../transport/state';

define();
const state = document.getElementById('lazuli-state');
const element = document.querySelector<RunDetailsElement>('lazuli-run-details');
if (state && element) {
  element.transport = new StateTransport(JSON.parse(state.textContent) as RunDetails);
}
