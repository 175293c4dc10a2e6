// Charts are painted, so they have to be told when colours change.

/** Grows when the page's colours may have changed. */
export class Theme {
  version = $state(0);

  /** Watches the system's choice, the page's and the component's own. */
  watch(node: HTMLElement): () => void {
    const changed = () => this.version++;
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', changed);
    const observer = new MutationObserver(changed);
    const attributes = { attributes: true, attributeFilter: ['data-theme', 'theme'] };
    observer.observe(document.documentElement, attributes);
    const root = node.getRootNode();
    if (root instanceof ShadowRoot) observer.observe(root.host, attributes);
    return () => {
      system.removeEventListener('change', changed);
      observer.disconnect();
    };
  }
}

/** The colour that a CSS value has here. */
export function colour(node: HTMLElement, value: string): string {
  const probe = document.createElement('span');
  probe.style.color = value;
  node.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Okabe and Ito's palette, which people with any colour vision tell apart, in a light and a dark cut.
const SERIES = [
  ['#0b57a4', '#8db3ff'],
  ['#b34d00', '#ffa45c'],
  ['#00714f', '#52d1a5'],
  ['#9c2f7d', '#f29ad6'],
  ['#7c6200', '#e6cf5a'],
  ['#2a7fa8', '#8fd8ff'],
  ['#6d3a1c', '#dcae94'],
  ['#4a4f57', '#c4cad1'],
] as const;

export function seriesColour(index: number): string {
  const [light, dark] = SERIES[index % SERIES.length] ?? SERIES[0];
  return `light-dark(${light}, ${dark})`;
}

/** After the colours come the dashes. */
export function seriesDash(index: number): number[] {
  return [[], [6, 3], [2, 3], [8, 3, 2, 3]][Math.floor(index / SERIES.length) % 4] ?? [];
}
