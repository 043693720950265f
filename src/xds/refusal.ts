// Which resources of a refused response were bad. A NACK speaks of a whole response and names, at best, some resources in its text; the
// good ones must not stay behind with the bad one.

/** Whether `text` holds `name` as a word of its own: `a.b` is not named by `a.bc`, and is by `cluster(s) a.b: no such type`. */
export function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    // No more than is looked at: a text may hold the name ten thousand times.
    const before = text.slice(Math.max(0, at - 1), at);
    const after = text.slice(at + name.length, at + name.length + 2);
    if (!/[\w|/.:-]$/.test(before) && !/^(?:[\w|/-]|[.:]\S)/.test(after)) return true;
  }
  return false;
}

export interface Isolation {
  /** Not to be sent again until they change. */
  readonly refused: readonly string[];
  /** Responses to try next, one after another, to find what else is bad. */
  readonly retry: readonly (readonly string[])[];
}

/**
 * Envoy names each bad cluster and listener ("Error adding/updating cluster(s) <name>: <reason>"), and has taken the others, which are
 * sent once more without them. For the types where it names nothing, halves of the response are tried until the bad one stands alone.
 */
export function isolate(names: readonly string[], reason: string): Isolation {
  if (names.length <= 1) return { refused: names, retry: [] };
  const refused = names.filter((name) => mentions(reason, name));
  if (refused.length > 0) {
    const rest = names.filter((name) => !refused.includes(name));
    return { refused, retry: rest.length > 0 ? [rest] : [] };
  }
  const middle = names.length >> 1;
  return { refused: [], retry: [names.slice(0, middle), names.slice(middle)] };
}
