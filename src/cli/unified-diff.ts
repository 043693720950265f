// The difference of two texts as `diff -u` writes it: the shortest script (Myers, "An O(ND) Difference Algorithm", 1986), with lines around it.

const CONTEXT = 3;
/** Texts that differ in more lines than this are shown whole: nobody reads the shortest script of it, and it costs its square. */
const MAX_EDITS = 2_000;

interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/** Without file names; "" for texts that are equal. */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return "";
  const edits = editsOf(linesOf(before), linesOf(after));
  return hunksOf(edits).map(hunkText).join("\n");
}

/** A text of nothing has no line. */
function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.split("\n");
}

function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const same = (lines: readonly string[]): readonly Edit[] => lines.map((line) => ({ mark: " ", line }));
  const middle = shortest(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...same(before.slice(0, start)), ...middle, ...same(end === 0 ? [] : before.slice(-end))];
}

/** Furthest points by diagonal, one list for each number of edits. */
function shortest(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const trace: ReadonlyMap<number, number>[] = [];
  let reached = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(before.length + after.length, MAX_EDITS); edits++) {
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const x = furthest(before, after, fromWhere(reached, diagonal, edits), diagonal);
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walked(before, after, [...trace, reached]);
    }
    trace.push(reached);
    reached = next;
  }
  const all = (mark: "-" | "+", lines: readonly string[]): readonly Edit[] => lines.map((line) => ({ mark, line }));
  return [...all("-", before), ...all("+", after)];
}

/** Down from the diagonal above, or right from the one below, whichever is further. */
function comesDown(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  const above = reached.get(diagonal + 1) ?? -1;
  const below = reached.get(diagonal - 1) ?? -1;
  return diagonal === -edits || (diagonal !== edits && below < above);
}

function fromWhere(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  return comesDown(reached, diagonal, edits) ? (reached.get(diagonal + 1) ?? 0) : (reached.get(diagonal - 1) ?? 0) + 1;
}

function furthest(before: readonly string[], after: readonly string[], from: number, diagonal: number): number {
  let x = from;
  while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
  return x;
}

/** Back from the end. */
function walked(
  before: readonly string[],
  after: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): readonly Edit[] {
  const edits: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let count = trace.length - 1; count >= 0; count--) {
    const reached = trace[count]!;
    const diagonal = x - y;
    const isDown = comesDown(reached, diagonal, count);
    const fromX = reached.get(isDown ? diagonal + 1 : diagonal - 1) ?? 0;
    const fromY = fromX - (isDown ? diagonal + 1 : diagonal - 1);
    for (; x > fromX && y > fromY && x > 0 && y > 0; x--, y--) edits.push({ mark: " ", line: before[x - 1]! });
    if (count === 0) break;
    if (isDown) edits.push({ mark: "+", line: after[--y]! });
    else edits.push({ mark: "-", line: before[--x]! });
  }
  return edits.reverse();
}

interface Hunk {
  readonly before: number;
  readonly after: number;
  readonly edits: readonly Edit[];
}

/** Changes that are nearer than twice the context share a hunk. */
function hunksOf(edits: readonly Edit[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  const changed = edits.flatMap(({ mark }, i) => (mark === " " ? [] : [i]));
  let first = 0;
  for (const [place, index] of changed.entries()) {
    const next = changed[place + 1];
    if (next !== undefined && next - index <= 2 * CONTEXT) continue;
    const from = Math.max(0, changed[first]! - CONTEXT);
    hunks.push(hunkOf(edits, from, Math.min(edits.length, index + CONTEXT + 1)));
    first = place + 1;
  }
  return hunks;
}

function hunkOf(edits: readonly Edit[], from: number, to: number): Hunk {
  const earlier = edits.slice(0, from);
  return {
    before: earlier.filter(({ mark }) => mark !== "+").length,
    after: earlier.filter(({ mark }) => mark !== "-").length,
    edits: edits.slice(from, to),
  };
}

function hunkText({ before, after, edits }: Hunk): string {
  const range = (start: number, without: Edit["mark"]) => {
    const count = edits.filter(({ mark }) => mark !== without).length;
    // A range of nothing stands behind the line before it.
    return `${count === 0 ? start : start + 1},${count}`;
  };
  const lines = edits.map(({ mark, line }) => `${mark}${line}`);
  return [`@@ -${range(before, "+")} +${range(after, "-")} @@`, ...lines].join("\n");
}
