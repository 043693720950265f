// The lines of Envoy's `/clusters` page, of several processes that have the same clusters: `cluster::host::figure::value`.

/** Connections and requests: shares of a whole. Weight, health, limits are the same in all. */
const COUNT = /::(?:cx|rq)_[a-z_]+$/;

/** In the order of the first text. A host that only others have yet is left for the next look. */
export function sumHostLines([first = "", ...others]: readonly string[]): string {
  const sums = new Map<string, number>();
  for (const line of others.flatMap((text) => text.split("\n"))) {
    const at = line.lastIndexOf("::");
    const key = line.slice(0, at);
    if (COUNT.test(key)) sums.set(key, (sums.get(key) ?? 0) + Number(line.slice(at + 2)));
  }
  const lines = first.split("\n").map((line) => {
    const at = line.lastIndexOf("::");
    const more = sums.get(line.slice(0, at));
    return more === undefined ? line : `${line.slice(0, at)}::${Number(line.slice(at + 2)) + more}`;
  });
  return lines.join("\n");
}
