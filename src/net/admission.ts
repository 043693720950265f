// How many accepted connections there may be at once, over all listening sockets that share it.

/** Asked before anything is spent on a connection. Each that was admitted is released once. */
export interface Admission {
  admit(): boolean;
  release(): void;
}

export class ConnectionLimit implements Admission {
  readonly max: number;
  active = 0;
  refused = 0;

  constructor(max: number) {
    this.max = max;
  }

  admit(): boolean {
    if (this.active >= this.max) {
      this.refused++;
      return false;
    }
    this.active++;
    return true;
  }

  release(): void {
    this.active--;
  }
}
