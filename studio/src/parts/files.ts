// What a file is by its name, and how it is shown; pure.

const IMAGES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
};
const TEXTS = 'txt log md json jsonl yaml yml toml ini cfg conf py rs r sh sql js ts css xml tex err out lock'.split(' ');

export type Shown = 'image' | 'table' | 'notebook' | 'report' | 'text' | 'none';

export function shownAs(path: string): Shown {
  const ending = endingOf(path);
  if (ending in IMAGES) return 'image';
  if (ending === 'csv' || ending === 'tsv') return 'table';
  if (ending === 'ipynb') return 'notebook';
  if (ending === 'html' || ending === 'htm') return 'report';
  const name = path.split('/').at(-1) ?? '';
  if (TEXTS.includes(ending) || /^(MLmodel|Dockerfile|Makefile|README|LICENSE|\.\w+)$/.test(name)) return 'text';
  return 'none';
}

export function mediaType(path: string): string {
  return IMAGES[endingOf(path)] ?? 'application/octet-stream';
}

function endingOf(path: string): string {
  return /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
}

/** Rows of comma- or tab-separated text; quotes as RFC 4180 has them. */
export function parseRows(text: string, separator: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let at = 0; at < text.length && rows.length < most; at++) {
    const character = text[at];
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"' && cell === '') isQuoted = true;
    else if (character === separator) {
      row.push(cell);
      cell = '';
    } else if (character === '\n') {
      row.push(cell.replace(/\r$/, ''));
      rows.push(row);
      row = [];
      cell = '';
    } else cell += character;
  }
  if (rows.length < most && (cell || row.length)) rows.push([...row, cell]);
  return rows;
}

export interface NotebookCell {
  kind: string;
  source: string;
  outputs: { text?: string; image?: string; isError?: boolean }[];
}

/** Cells of a notebook: sources and outputs as text and pictures; nothing in it is run or trusted. */
export function notebookCells(text: string): NotebookCell[] {
  const joined = (value: unknown) => (Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '');
  const book = JSON.parse(text) as { cells?: Record<string, unknown>[] };
  return (book.cells ?? []).map((cell) => ({
    kind: String(cell['cell_type']),
    source: joined(cell['source']),
    outputs: ((cell['outputs'] ?? []) as Record<string, unknown>[]).map((output) => {
      const data = (output['data'] ?? {}) as Record<string, unknown>;
      const png = joined(data['image/png']).replace(/\s/g, '');
      if (/^[A-Za-z0-9+/=]+$/.test(png)) return { image: `data:image/png;base64,${png}` };
      if (output['output_type'] === 'error') return { text: plain(joined(output['traceback']) || joined(output['evalue'])), isError: true };
      return { text: plain(joined(output['text']) || joined(data['text/plain'])) };
    }),
  }));
}

/** Without a terminal's colours and movements. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)/g, '');
}

/** What a report may load in its frame, whatever the page around it allows: nothing that is not in it. */
const FRAME_POLICY =
  "default-src 'none'; img-src data: blob:; media-src data:; font-src data:; style-src 'unsafe-inline'; form-action 'none'";

/** A report for a frame of its own. The policy comes before everything that the report says; its own
 *  doctype comes too late then, so it gets one. */
export function framed(report: string): string {
  return `<!doctype html><meta http-equiv="Content-Security-Policy" content="${FRAME_POLICY}">${report}`;
}
