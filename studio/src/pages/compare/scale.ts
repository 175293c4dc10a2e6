// Where a value stands on an axis; pure.

export interface Dimension {
  name: string;
  values: (number | string | null)[];
}

export interface Scale {
  /** 0 to 1, or none for what is missing. */
  at(value: number | string | null | undefined): number | null;
  ticks: { at: number; text: number | string }[];
}

/** Numbers stand by their size, words one beside the other. */
export function scaleOf({ values }: Dimension): Scale {
  const present = values.filter((value) => value !== null && !(typeof value === 'number' && !Number.isFinite(value)));
  if (present.every((value) => typeof value === 'number')) {
    const low = Math.min(...present);
    const high = Math.max(...present);
    const span = high - low;
    const at = (value: number | string | null | undefined) =>
      typeof value === 'number' && Number.isFinite(value) ? (span ? (value - low) / span : 0.5) : null;
    const ticks = span ? [0, 0.25, 0.5, 0.75, 1].map((part) => ({ at: part, text: low + part * span })) : [{ at: 0.5, text: low }];
    return { at, ticks: present.length ? ticks : [] };
  }
  const words = [...new Set(present.map(String))].sort();
  const place = (index: number) => (words.length > 1 ? index / (words.length - 1) : 0.5);
  return {
    at: (value) => (value === null || value === undefined || !words.includes(String(value)) ? null : place(words.indexOf(String(value)))),
    ticks: words.map((text, index) => ({ at: place(index), text })),
  };
}
