// "Did you mean": the candidate nearest to what was written.

/** What one search compares, in pairs of characters: long names of thousands of others are not worth a second. */
interface Effort {
  left: number;
}

const MAX_EFFORT = 1_000_000;

/** Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; `limit` when they are as many or more. */
function distance(a: string, b: string, limit: number, effort: Effort): number {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start++;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  // What hosts have in common is mostly their domain.
  return editsOf(a.slice(start, a.length - end), b.slice(start, b.length - end), limit, effort);
}

function editsOf(a: string, b: string, limit: number, effort: Effort): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  let leastBefore = 0;
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      current[j] = best;
      if (best < least) least = best;
    }
    effort.left -= b.length;
    // A swap of neighbours looks two rows back.
    if ((least >= limit && leastBefore >= limit) || effort.left < 0) return limit;
    leastBefore = least;
    beforePrevious = previous;
    previous = current;
  }
  return Math.min(limit, previous[b.length]!);
}

/** The candidate that is one edit away from `text`, or the same but for its capitals: hardly another word than the one that was meant. */
export function misspelling(text: string, candidates: Iterable<string>): string | undefined {
  const lower = text.toLowerCase();
  const effort = { left: MAX_EFFORT };
  for (const candidate of candidates)
    if (Math.abs(candidate.length - text.length) <= 1 && distance(lower, candidate.toLowerCase(), 2, effort) <= 1)
      return candidate;
  return undefined;
}

/**
 * Of host names the one that was probably meant. What both end with says nothing: of `a.shop.svc.cluster.local` and `b.shop.svc.cluster.local`
 * the names alone are compared. Else the host of the same name in another namespace, if there is one alone.
 */
export function nearestHost(host: string, candidates: Iterable<string>): string | undefined {
  const labels = host.split(".");
  const namesakes: string[] = [];
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  const effort = { left: MAX_EFFORT };
  for (const candidate of candidates) {
    const others = candidate.split(".");
    let shared = 0;
    while (shared < Math.min(labels.length, others.length) - 1 && labels.at(-1 - shared) === others.at(-1 - shared))
      shared++;
    const [own, other] = [labels, others].map((all) => all.slice(0, all.length - shared).join(".")) as [string, string];
    const limit = Math.min(bestDistance, tolerated(own) + 1);
    const isFar = Math.abs(own.length - other.length) >= limit || effort.left < 0;
    const d = isFar ? limit : distance(own.toLowerCase(), other.toLowerCase(), limit, effort);
    if (d < limit) {
      best = candidate;
      bestDistance = d;
    }
    if (shared > 0 && labels[0] === others[0] && labels.length === others.length) namesakes.push(candidate);
  }
  return best ?? (namesakes.length === 1 ? namesakes[0] : undefined);
}

/** A third, and one letter of a short word. */
function tolerated(text: string): number {
  return Math.max(1, Math.floor(text.length / 3));
}

/** The candidate that `text` was probably meant to be (at most a third of it differs), or undefined. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = tolerated(text) + 1;
  const lower = text.toLowerCase();
  const effort = { left: MAX_EFFORT };
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) >= bestDistance) continue;
    if (effort.left < 0) break;
    const d = distance(lower, candidate.toLowerCase(), bestDistance, effort);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}
