// Header fields as one flat list: name, value, name, value, … A list of strings is what both codecs produce and consume without
// an object per field; a request of a mesh has 5 to 20 fields, where a linear search beats a Map.

/**
 * Names are lower case, values latin1 without surrounding white space; order and repetition are kept.
 * Fields of framing and of the connection (content-length, transfer-encoding, connection, keep-alive, proxy-connection, upgrade, host)
 * are never in it: the codecs turn them into members of the head and write them anew (RFC 9110 7.6.1, RFC 9113 8.2.2).
 */
export type HeaderList = string[];

/** How a sender wrote the names of its fields, by the names in lower case: the letters of the first one of each count. */
export type FieldCase = ReadonlyMap<string, string>;

/** The first value of `name`, or undefined. */
export function getHeader(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** All values of `name` as one, joined with "," as RFC 9110 5.3 allows; undefined when there is none. */
export function joinHeader(headers: HeaderList, name: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) joined = joined === undefined ? headers[i + 1]! : `${joined},${headers[i + 1]!}`;
  }
  return joined;
}

/** Overwrites the first field of that name and removes its repetitions, or appends it. */
export function setHeader(headers: HeaderList, name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) {
      headers[i + 1] = value;
      removeHeader(headers, name, i + 2);
      return;
    }
  }
  headers.push(name, value);
}

/** Adds to the first field of that name after a comma, or appends it (Envoy: HeaderMap::appendCopy). */
export function appendHeader(headers: HeaderList, name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) {
      headers[i + 1] = `${headers[i + 1]},${value}`;
      return;
    }
  }
  headers.push(name, value);
}

/** Removes every field of that name from index `from` on (an even number), keeping the order of the others. */
export function removeHeader(headers: HeaderList, name: string, from = 0): void {
  let kept = from;
  for (let i = from; i < headers.length; i += 2) {
    if (headers[i] === name) continue;
    if (kept !== i) {
      headers[kept] = headers[i]!;
      headers[kept + 1] = headers[i + 1]!;
    }
    kept += 2;
  }
  headers.length = kept;
}
