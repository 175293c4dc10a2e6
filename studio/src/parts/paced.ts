/**
 * Calls `work` at once and then at most every `pause` milliseconds, never while an earlier call is
 * under way. Whatever was asked for meanwhile is one call afterwards.
 */
export function paced(work: () => Promise<void>, pause: number): { ask(): void; stop(): void } {
  let isBusy = false;
  let isWanted = false;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function run() {
    isBusy = true;
    isWanted = false;
    try {
      // Not within the caller: what an effect calls here is none of what it depends on.
      await Promise.resolve();
      await work();
    } finally {
      timer = setTimeout(() => {
        isBusy = false;
        if (isWanted && !isStopped) void run();
      }, pause);
    }
  }
  return {
    ask() {
      isWanted = true;
      if (!isBusy && !isStopped) void run();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
