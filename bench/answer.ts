// How far an answer of HTTP/1.1 is, for load generators that measure what wrk does not.

const HEAD_END = Buffer.from("\r\n\r\n", "latin1");

/** Length of the complete answer at the start of `bytes`; 0 while it is not complete; -1 when it is none of 2xx with a length. */
export function answerLength(bytes: Buffer): number {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return 0;
  const head = bytes.toString("latin1", 0, end);
  const length = /^HTTP\/1\.1 2\d\d [\s\S]*?\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return -1;
  const total = end + HEAD_END.length + Number(length);
  return bytes.length >= total ? total : 0;
}
