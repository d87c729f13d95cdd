/**
 * Press and hold: a motion starts when a button goes down and stops when it comes up, in this order at the node too.
 *
 * Each command waits for the one before. A stop follows every start that was sent, whatever became of it, and a press
 * that ended before its start was sent is not sent at all.
 */
export type Send = (action: string) => Promise<unknown>;

export const LENS_ACTIONS = new Set(["focus_near", "focus_far", "iris_open", "iris_close"]);

interface Press {
  action: string;
  sent: boolean;
  over: boolean;
}

export class Hold {
  private held: Press | null = null;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly send: Send,
    private readonly failed: (error: unknown) => void,
  ) {}

  get action(): string | null {
    return this.held?.action ?? null;
  }

  press(action: string): void {
    if (this.action === action) return;
    this.release();
    const press: Press = { action, sent: false, over: false };
    this.held = press;
    this.queue(() => {
      press.sent = !press.over;
      return press.sent ? this.send(action) : Promise.resolve();
    });
  }

  release(): void {
    const press = this.held;
    if (press === null) return;
    this.held = null;
    press.over = true;
    this.queue(() => (press.sent ? this.send(LENS_ACTIONS.has(press.action) ? "lens_stop" : "stop") : Promise.resolve()));
  }

  /** One command that is no motion, such as calling a preset. */
  once(command: () => Promise<unknown>): void {
    this.release();
    this.queue(command);
  }

  /** When everything asked for so far was answered. */
  settled(): Promise<unknown> {
    return this.last;
  }

  private queue(command: () => Promise<unknown>): void {
    this.last = this.last.then(command).catch(this.failed);
  }
}
