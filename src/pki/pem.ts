// PEM (RFC 7468): base64 blocks with a label. Text around blocks is allowed, as openssl writes it; text inside is not.
import { attempt, MalformedError, type Parsed } from "./parsed.ts";

/** A block's label, as in `CERTIFICATE`, and what its base64 decodes to. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

/** 256 KiB: a trust bundle of 200 roots. A chain or a request is a hundredth of it. */
const MAX_PEM_LENGTH = 262_144;

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END ([A-Z0-9 ]{1,40})-----/g;

/** All blocks in order, at least one; `label`, when given, is the only one allowed. */
export function parsePem(text: string, label?: string): Parsed<readonly PemBlock[]> {
  return attempt(() => {
    if (text.length > MAX_PEM_LENGTH)
      throw new MalformedError(`PEM of ${text.length} characters is above the limit of ${MAX_PEM_LENGTH}`);
    const blocks = [...text.matchAll(BLOCK)].map(([, begin, body, end]) => {
      if (begin !== end) throw new MalformedError(`PEM block begins as ${begin} and ends as ${end}`);
      if (label !== undefined && begin !== label) throw new MalformedError(`PEM block is ${begin}, not ${label}`);
      return { label: begin!, der: decode(body!) };
    });
    const begun = text.split("-----BEGIN ").length - 1;
    if (begun === 0) throw new MalformedError(`no PEM block${label === undefined ? "" : ` ${label}`}`);
    if (begun !== blocks.length)
      throw new MalformedError("PEM block is cut off or holds characters that are not base64");
    return blocks;
  });
}

/** One block, in lines of 64 characters, with a final line feed. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function decode(body: string): Uint8Array {
  const base64 = body.replace(/[\r\n]/g, "");
  const bytes = Buffer.from(base64, "base64");
  // Buffer ignores what it cannot decode; writing it anew shows whether it did.
  if (base64 === "" || bytes.toString("base64") !== base64)
    throw new MalformedError("PEM block is empty or not base64");
  return bytes;
}
