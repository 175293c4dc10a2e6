import assert from 'node:assert/strict';

import { fits } from '../../src/binary';
import { words } from '../../src/commands/ask';
import { cellScript } from '../../src/commands/submit';
import { events } from '../../src/daemon';
import { failingLine } from '../../src/failures';
import { items } from '../../src/notebook/outputs';

describe('small things', () => {
  it('knows which versions fit', () => {
    assert.ok(fits('0.1.7', '0.1.0'));
    assert.ok(!fits('0.2.0', '0.1.0'));
    assert.ok(fits('1.9.0', '1.2.3'));
    assert.ok(!fits('2.0.0', '1.2.3'));
  });

  it('cuts arguments as a shell does', () => {
    assert.deepEqual(words(`--name "a b" 'c "d"' e\\f ""`), ['--name', 'a b', 'c "d"', 'e\\f', '']);
  });

  it('takes the script out of a cell', () => {
    assert.deepEqual(cellScript('%%submit train.py --name "a b"\nprint(1)\n'), { script: 'train.py', given: ['--name', 'a b'], text: 'print(1)\n' });
    assert.deepEqual(cellScript('%%submit --pip numpy\nx'), { script: 'cell.py', given: ['--pip', 'numpy'], text: 'x' });
    assert.deepEqual(cellScript('print(1)'), { script: 'cell.py', given: [], text: 'print(1)' });
  });

  it('finds the line of the script in a traceback', () => {
    const text = 'Traceback:\n  File "/x/train.py", line 3, in <module>\n  File "/lib/other.py", line 9, in f\n';
    assert.equal(failingLine(text, 'train.py'), 3);
    assert.equal(failingLine(text, 'absent.py'), undefined);
  });

  it('reads events that arrive in pieces', async () => {
    const pieces = ['id: 1\nevent: a\nda', 'ta: {"sequence": 1}\n\n: still there\n\ndata: {"sequence"', ': 2}\n\n'];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
        controller.close();
      },
    });
    const found: number[] = [];
    for await (const { sequence } of events(body)) found.push(sequence);
    assert.deepEqual(found, [1, 2]);
  });

  it('keeps pictures as bytes and vectors as text', () => {
    const [png, svg, json] = items({ 'image/png': 'AAEC', 'image/svg+xml': ['<svg', '/>'], 'application/x+json': { a: 1 } });
    assert.deepEqual([...(png?.data ?? [])], [0, 1, 2]);
    assert.equal(Buffer.from(svg?.data ?? []).toString(), '<svg/>');
    assert.equal(Buffer.from(json?.data ?? []).toString(), '{"a":1}');
  });
});
