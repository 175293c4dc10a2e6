// A kernel as a child: `lazuli kernel --stdio` takes and gives Jupyter's messages, one JSON object on each line.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';

export type Channel = 'shell' | 'control' | 'stdin' | 'iopub';

export interface Message {
  channel: Channel;
  header: { msg_id: string; msg_type: string };
  parent_header: { msg_id?: string };
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
}

export type Language = 'rust' | 'python';

/** What is written in the cells, and where they run. */
export interface Cells {
  /** Of the controller, and of the kernel in Jupyter. */
  id: string;
  language: Language;
  label: string;
  /** The attached machine; without it, this one. */
  on?: string;
}

/** What is started. */
export interface Program {
  lazuli: string;
  /** For Python cells; without it, the kernel looks for one. */
  python: string;
}

export class Kernel {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly session = randomUUID();
  private readonly listeners = new Set<(message: Message) => void>();
  /** What is asked for, and who waits for it: by the id of the request. */
  private readonly waiting = new Map<string, { resolve: (reply: Message) => void; reject: (error: Error) => void }>();
  private errors = '';
  isAlive = true;
  readonly ended: Promise<string>;

  constructor(program: Program, { language, on }: Cells, folder: string | undefined, log: (line: string) => void) {
    // The setting names a Python of this machine.
    const where = on ? ['--on', on] : program.python ? ['--python', program.python] : [];
    this.child = spawn(program.lazuli, ['kernel', '--stdio', '--language', language, ...where], { cwd: folder, stdio: 'pipe' });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.heard(line, log));
    createInterface({ input: this.child.stderr }).on('line', (line) => {
      this.errors = `${this.errors}\n${line}`.slice(-2000);
      log(line);
    });
    // A child that is gone is told by `exit`; writing to it then is no error of its own.
    this.child.stdin.on('error', (error) => log(`kernel: ${error.message}`));
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => resolve(error.message));
      this.child.on('exit', (code, signal) => resolve(signal ? `the kernel was ended by ${signal}` : `the kernel ended with exit code ${code}`));
    });
    void this.ended.then((how) => {
      this.isAlive = false;
      const said = this.errors.trim();
      for (const { reject } of this.waiting.values()) reject(new Error(said ? `${how}\n${said}` : how));
      this.waiting.clear();
    });
  }

  private heard(line: string, log: (line: string) => void) {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      return log(`kernel: not understood: ${line.slice(0, 200)}`);
    }
    for (const listener of this.listeners) listener(message);
    if (message.channel !== 'iopub' && message.header.msg_type.endsWith('_reply')) {
      const id = message.parent_header.msg_id ?? '';
      this.waiting.get(id)?.resolve(message);
      this.waiting.delete(id);
    }
  }

  /** Everything that comes, until the answer is called. */
  listen(listener: (message: Message) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Sends a request; its reply comes when the kernel has answered. */
  request(channel: 'shell' | 'control', type: string, content: object): { id: string; reply: Promise<Message> } {
    const id = randomUUID();
    const reply = new Promise<Message>((resolve, reject) => {
      if (!this.isAlive) return reject(new Error('the kernel has ended; restart it'));
      this.waiting.set(id, { resolve, reject });
    });
    this.send(channel, type, content, {}, id);
    return { id, reply };
  }

  /** Answers a question of the kernel's. */
  answer(question: Message, value: string) {
    this.send('stdin', 'input_reply', { value, status: 'ok' }, question.header, randomUUID());
  }

  private send(channel: Channel, type: string, content: object, parent: object, id: string) {
    const header = { msg_id: id, msg_type: type, session: this.session, username: 'editor', date: new Date().toISOString(), version: '5.3' };
    this.child.stdin.write(`${JSON.stringify({ channel, header, parent_header: parent, metadata: {}, content })}\n`);
  }

  /** Ends it; its own children go with it. */
  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.child.stdin.end();
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 6000);
    await this.ended;
    clearTimeout(patience);
  }
}
