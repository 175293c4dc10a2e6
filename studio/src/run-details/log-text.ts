import { plain } from '../parts/files';

/** The lines of a log that grows; a progress bar that writes over its line stands as it is now. */
export class LogText {
  readonly lines: string[] = [];
  private open = '';
  private readonly decoder = new TextDecoder();

  add(bytes: ArrayBuffer) {
    const text = this.open + this.decoder.decode(bytes, { stream: true });
    const parts = text.split('\n');
    if (this.open) this.lines.pop();
    this.open = parts.pop() ?? '';
    for (const part of parts) this.lines.push(shown(part));
    if (this.open) this.lines.push(shown(this.open));
    // What a progress bar has overwritten is not read again with every change.
    this.open = this.open.slice(this.open.lastIndexOf('\r', this.open.length - 2) + 1);
  }
}

function shown(line: string): string {
  const text = plain(line).replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}
