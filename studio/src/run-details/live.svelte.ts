import { SvelteMap } from 'svelte/reactivity';

import { explain, type Client } from '../api/client';
import type { LazuliEvent, Run } from '../api/types';
import { isFinal } from '../parts/format';
import { paced } from '../parts/paced';

/** Between two readings of what changes all the time; with the daemon's own way, below half a second. */
const PAUSE = 200;

/** One run as it is now. What is shown reads its fields; events make them new. */
export class LiveRun {
  run = $state.raw<Run | null>(null);
  problem = $state<string | null>(null);
  isConnected = $state(true);
  /** The clock by which elapsed times count. */
  now = $state(Date.now());
  /** Grows with whatever changed: who shows it reads it anew. */
  metricChanges = new SvelteMap<string, number>();
  artifactChanges = $state(0);
  childChanges = $state(0);
  stateChanges = $state(0);
  logSizes = new SvelteMap<string, number>();
  /** How far behind the newest metrics event the last reading was, for who measures it. */
  private readonly family = new Set<string>();
  private readonly grown = new Set<string>();

  constructor(
    readonly client: Client,
    readonly runId: string,
  ) {}

  get isOver(): boolean {
    return this.run !== null && isFinal(this.run.status);
  }

  get isFixed(): boolean {
    return this.client.transport.isFixed ?? false;
  }

  /** Children that are shown: what happens to them is of interest, too. */
  watch(runIds: Iterable<string>) {
    this.family.clear();
    for (const id of runIds) this.family.add(id);
  }

  start(): () => void {
    const reading = paced(() => this.read(), PAUSE);
    const children = paced(async () => void this.childChanges++, 2 * PAUSE);
    const stop = this.client.transport.follow({
      event: (event) => this.heard(event, reading, children),
      missed: () => {
        this.stateChanges++;
        reading.ask();
      },
      connected: (isConnected) => (this.isConnected = isConnected),
    });
    reading.ask();
    const clock = setInterval(() => {
      if (!this.isOver && !this.isFixed) this.now = Date.now();
    }, 1000);
    return () => {
      stop();
      reading.stop();
      children.stop();
      clearInterval(clock);
    };
  }

  async read() {
    const grown = [...this.grown];
    this.grown.clear();
    try {
      this.run = await this.client.get('/api/runs/{run_id}', { run_id: this.runId });
      this.problem = null;
      this.now = Date.now();
    } catch (error) {
      this.problem = explain(error);
    }
    for (const name of grown) this.metricChanges.set(name, (this.metricChanges.get(name) ?? 0) + 1);
  }

  private heard(event: LazuliEvent, reading: { ask(): void }, children: { ask(): void }) {
    if (event.run_id !== this.runId) {
      // A run that was just made may be a child: only the daemon knows its parent.
      const isRelated = event.run_id && this.family.has(event.run_id);
      if (isRelated || event.type === 'run_created') children.ask();
      return;
    }
    switch (event.type) {
      case 'metrics_logged':
        for (const name of event.names) this.grown.add(name);
        reading.ask();
        break;
      case 'log_appended':
        this.logSizes.set(event.path, event.size);
        break;
      case 'artifact_added':
        this.artifactChanges++;
        break;
      case 'run_status':
        this.stateChanges++;
        reading.ask();
        break;
      default:
        reading.ask();
    }
  }
}
