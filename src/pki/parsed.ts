// What reading untrusted bytes gives: the value, or the reason why there is none. Nothing that a peer sends is an exception
// outside this folder's readers.

/** A value read from bytes that nobody vouches for. */
export type Parsed<T> = { readonly kind: "parsed"; readonly value: T } | Malformed;

export interface Malformed {
  readonly kind: "malformed";
  /** What is wrong, as a clause without a full stop. It quotes nothing secret and is safe to send back to the peer. */
  readonly reason: string;
}

export function parsed<T>(value: T): Parsed<T> {
  return { kind: "parsed", value };
}

export function malformed(reason: string): Malformed {
  return { kind: "malformed", reason };
}

/** Thrown inside a reader to leave its nested calls; `attempt` turns it into a value at the reader's border. */
export class MalformedError extends Error {}

/** Runs a reader; its MalformedError becomes a value, anything else thrown is a defect and passes. */
export function attempt<T>(read: () => T): Parsed<T> {
  try {
    return parsed(read());
  } catch (thrown) {
    if (thrown instanceof MalformedError) return malformed(thrown.message);
    throw thrown;
  }
}

/** The value, or a MalformedError: for a reader that is built from another. */
export function unwrap<T>(result: Parsed<T>): T {
  if (result.kind === "malformed") throw new MalformedError(result.reason);
  return result.value;
}
