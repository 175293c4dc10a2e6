import 'svelte/elements';

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'lazuli-run-details': HTMLAttributes<HTMLElement> & { 'run-id'?: string; tab?: string };
  }
}
