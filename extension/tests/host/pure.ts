import assert from 'node:assert/strict';

import { fits } from '../../src/binary';
import { words } from '../../src/commands/ask';
import { configuredHosts, parseAddress, targetName, unknownHostKey } from '../../src/commands/machines';
import { cellScript } from '../../src/commands/submit';
import { events } from '../../src/daemon';
import { failingLine } from '../../src/failures';
import { Refused } from '../../src/language-server';
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

  it('cuts addresses of machines', () => {
    assert.deepEqual(parseAddress(' ada@gpu-box.example.org '), { user: 'ada', host: 'gpu-box.example.org', port: undefined });
    assert.deepEqual(parseAddress('ada@10.0.0.7:2222'), { user: 'ada', host: '10.0.0.7', port: '2222' });
    assert.deepEqual(parseAddress('ada@[fe80::1]:22'), { user: 'ada', host: 'fe80::1', port: '22' });
    assert.deepEqual(parseAddress('ada@fe80::1'), { user: 'ada', host: 'fe80::1', port: undefined });
    for (const wrong of ['gpu-box', '@host', 'ada@', 'ada@ho st', 'ada@host:ssh', 'ada@[::1]22', 'ada@b@c']) assert.equal(parseAddress(wrong), undefined, wrong);
    assert.equal(targetName('gpu_box.example.org'), 'gpu-box');
    assert.equal(targetName('10.0.0.7'), 'machine');
  });

  it('finds the hosts that ssh is configured for', () => {
    const configuration = '# Host none\nHost gpu-box box  # mine\n  HostName 10.0.0.7\n\thost="quoted"\nHost *.example.org !bad ?\nMatch host other\nHost * # not all\nHost gpu-box\n';
    assert.deepEqual(configuredHosts(configuration), ['gpu-box', 'box', 'quoted']);
    assert.deepEqual(configuredHosts(''), []);
  });

  it('knows a host key that is to be compared from everything else that is wrong', () => {
    const fingerprint = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';
    const unknown = `the host key of \`ada@box\` is not known yet: ${fingerprint} (ssh-ed25519)`;
    assert.deepEqual(unknownHostKey(new Refused(unknown, undefined, 'conflict')), { fingerprint, kind: 'ssh-ed25519' });
    const other = `\`ada@box\` shows the host key ${fingerprint} (ssh-ed25519), not the one that was given`;
    for (const error of [new Refused(other, undefined, 'conflict'), new Refused(unknown, undefined, 'unavailable'), new Error(unknown)]) assert.equal(unknownHostKey(error), undefined);
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
