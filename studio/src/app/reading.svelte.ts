import { explain } from '../api/client';
import type { LazuliEvent } from '../api/types';
import { paced } from '../parts/paced';
import { client } from './studio';

/** What a page shows, read when it opens and again when something of interest happened. */
export class Reading<T> {
  value = $state.raw<T | null>(null);
  problem = $state<string | null>(null);
  now = $state(Date.now());
  private readonly pace: ReturnType<typeof paced>;

  /** For a component that is being made; what `read` reads synchronously makes it read anew. */
  constructor(read: () => Promise<T>, isOfInterest: (event: LazuliEvent) => boolean = () => false, pause = 700) {
    let turn = 0;
    const load = async (promise: Promise<T>) => {
      const mine = ++turn;
      try {
        const value = await promise;
        if (mine !== turn) return;
        this.value = value;
        this.problem = null;
        this.now = Date.now();
      } catch (error) {
        if (mine === turn) this.problem = explain(error);
      }
    };
    this.pace = paced(() => load(read()), pause);
    $effect(() => {
      void load(read());
    });
    $effect(() => {
      const stop = client.transport.follow({
        event: (event) => {
          if (isOfInterest(event)) this.pace.ask();
        },
        missed: () => this.pace.ask(),
      });
      const clock = setInterval(() => (this.now = Date.now()), 1000);
      return () => {
        stop();
        clearInterval(clock);
        this.pace.stop();
      };
    });
  }

  again() {
    this.pace.ask();
  }
}
