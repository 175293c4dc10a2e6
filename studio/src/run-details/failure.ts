// Where a script failed, from the last lines that it wrote; pure.

const FRAME = /^\s*File "([^"]+)", line (\d+)/gm;

/** The last line of a traceback that lies in the run's own folder, `train.py, line 12`; of a traceback
 *  without one, the last. */
export function placeOf(details: string | null | undefined, runId: string): string | null {
  const frames = [...(details ?? '').matchAll(FRAME)].map(([, file = '', line = '']) => ({ file, line }));
  const isOwn = ({ file }: { file: string }) => file.includes(`/${runId}/`) || !file.startsWith('/');
  const frame = frames.findLast(isOwn) ?? frames.at(-1);
  if (!frame) return null;
  const inside = frame.file.split(`/${runId}/`)[1]?.replace(/^code\//, '');
  return `${inside ?? frame.file}, line ${frame.line}`;
}
