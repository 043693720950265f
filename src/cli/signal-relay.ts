// Signals to `heddle run` are meant for the program that it runs; those that come before it does wait for it.

import { holdLifeline } from "./lifeline.ts";

const RELAYED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

interface Receiver {
  signal(signal: NodeJS.Signals, reached: boolean): void;
}

/** Ctrl-C goes to every process in the foreground of a terminal, and the program is one of them. */
function reachesAll(signal: NodeJS.Signals): boolean {
  return signal === "SIGINT" && (process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
}

export class SignalRelay {
  #receiver: Receiver | undefined;
  #waiting: NodeJS.Signals[] = [];

  constructor() {
    for (const signal of RELAYED) process.on(signal, () => this.#take(signal));
    holdLifeline(() => this.#take("SIGTERM"));
  }

  to(receiver: Receiver): void {
    this.#receiver = receiver;
    for (const signal of this.#waiting.splice(0)) receiver.signal(signal, false);
  }

  #take(signal: NodeJS.Signals): void {
    if (this.#receiver) this.#receiver.signal(signal, reachesAll(signal));
    else if (this.#waiting.includes(signal))
      process.exit(1); // asked twice while nothing runs yet
    else this.#waiting.push(signal);
  }
}
