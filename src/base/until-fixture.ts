// For tests: waits for something that happens by itself, no longer than it may take.

const POLL_MS = 2;

/** The first value of `look` that is neither undefined nor false. Rejects, naming `what`, when there is none within `withinMs`. */
export async function until<T>(what: string, look: () => T | Promise<T>, withinMs = 4_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}
