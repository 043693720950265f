// Signals to `heddle run` are meant for the program that it runs; those that come before it does wait for it.

import { holdLifeline } from "./lifeline.ts";

const RELAYED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

interface Receiver {
  signal(signal: NodeJS.Signals): void;
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
    for (const signal of this.#waiting.splice(0)) receiver.signal(signal);
  }

  #take(signal: NodeJS.Signals): void {
    if (this.#receiver) this.#receiver.signal(signal);
    else if (this.#waiting.includes(signal))
      process.exit(1); // asked twice while nothing runs yet
    else this.#waiting.push(signal);
  }
}
