// Runs inside the extension host. The result goes into a file: an exit code alone does not say that anything ran.
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, bail: false });
  mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis, '', mocha);
  await import('./pure');
  await import('./editor');
  await import('./notebooks');
  await import('./actions');
  if (process.env['LAZULI_TEST_BREAK']) {
    // Whether a failure reaches the outside: see `test_a_broken_assertion_fails_the_run`.
    mocha.grep(/small things|broken/);
    mocha.suite.addTest(new Mocha.Test('broken on purpose', () => {
      throw new Error('as it should be');
    }));
  }
  const passed: string[] = [];
  const failed: { name: string; error: string }[] = [];
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', (test) => passed.push(test.fullTitle()))
      .on('fail', (test, error: Error) => failed.push({ name: test.fullTitle(), error: error.stack ?? error.message }));
  });
  const place = process.env['LAZULI_TEST_RESULT'];
  if (place) writeFileSync(place, JSON.stringify({ passed, failed }, null, 1));
  if (failed.length) throw new Error(`${failed.length} failed: ${failed.map(({ name }) => name).join('; ')}`);
}
