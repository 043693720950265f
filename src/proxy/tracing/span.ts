// One span while it lasts, and afterwards until it is told.

export class Span {
  /** In hex. */
  readonly traceId: string;
  readonly id: string;
  /** "" for the root. */
  readonly parentId: string;
  name: string;
  readonly kind: "client" | "server";
  /** On the clock of performance.now(). */
  readonly startedAt: number;
  endedAt = 0;
  /** Shares the id with the client's span of the same request (B3). */
  readonly shared: boolean;
  readonly tags = new Map<string, string>();
  /** W3C's tracestate, as it came. */
  readonly state: string;

  constructor(
    context: { readonly traceId: string; readonly id: string; readonly parentId: string; readonly state: string },
    name: string,
    kind: "client" | "server",
    startedAt: number,
    shared = false,
  ) {
    this.traceId = context.traceId;
    this.id = context.id;
    this.parentId = context.parentId;
    this.state = context.state;
    this.name = name;
    this.kind = kind;
    this.startedAt = startedAt;
    this.shared = shared;
  }

  /** The later value of a name holds. */
  tag(name: string, value: string): void {
    this.tags.set(name, value);
  }
}
