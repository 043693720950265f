// The one error class. Expected failures of untrusted input are return values; this is for what a caller cannot go on from.

/** Exit codes of the command line, as istioctl's: usage, bad data, findings of `analyze`, anything else. */
export const EXIT = { ok: 0, failure: 1, usage: 64, data: 65, findings: 79 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface FailureOptions {
  /** What the operator can do about it, as a sentence without a full stop. */
  readonly hint?: string;
  readonly exit?: ExitCode;
  readonly cause?: unknown;
}

/** A failure that a person reads: what was being done, the value, what is wrong; and the way out in `hint`. */
export class Failure extends Error {
  readonly hint: string | undefined;
  readonly exit: ExitCode;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "Failure";
    this.hint = options.hint;
    this.exit = options.exit ?? EXIT.failure;
  }

  /** The single place where something thrown becomes a Failure. */
  static from(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    if (thrown instanceof Error) return new Failure(thrown.message, { cause: thrown });
    return new Failure(String(thrown));
  }
}
