// Address ranges, IPv4 and IPv6.

/** `address` holds the network's bytes (4 or 16), `bits` the length of the prefix. */
export interface Cidr {
  readonly address: Uint8Array;
  readonly bits: number;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string): number[] | undefined => {
    if (half === "") return [];
    const values: number[] = [];
    const parts = half.split(":");
    for (const [index, part] of parts.entries()) {
      if (part.includes(".") && index === parts.length - 1) {
        const v4 = parseIpv4(part);
        if (!v4) return undefined;
        values.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) values.push(Number.parseInt(part, 16));
      else return undefined;
    }
    return values;
  };
  const head = groups(halves[0]!);
  const tail = halves.length === 2 ? groups(halves[1]!) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 255;
  });
  return bytes;
}

/** Bytes of an address (4 or 16); IPv4 mapped into IPv6 (`::ffff:1.2.3.4`) is the IPv4 address. Undefined when it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  const mapped = bytes?.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return mapped ? bytes!.slice(12) : bytes;
}

/** Whether only its own machine reaches it: 127.0.0.0/8 and ::1. False for what is no address. */
export function isLoopback(address: string): boolean {
  const bytes = parseAddress(address);
  if (bytes?.length === 4) return bytes[0] === 127;
  return bytes?.every((byte, i) => byte === (i === 15 ? 1 : 0)) ?? false;
}

/** `10.0.0.0/8`, or a single address; undefined when it is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [host, length, ...rest] = text.split("/");
  const address = parseAddress(host!);
  if (!address || rest.length > 0) return undefined;
  if (length === undefined) return { address, bits: address.length * 8 };
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  return bits >= 0 && bits <= address.length * 8 ? { address, bits } : undefined;
}

/** The same text for ranges of the same addresses, however they are written. */
export function rangeKey({ address, bits }: Cidr): string {
  const network = address.map((byte, i) => byte & (0xff << Math.max(0, 8 * (i + 1) - bits)));
  return `${Array.from(network).join(".")}/${bits}`;
}

export function containsAddress(range: Cidr, text: string): boolean {
  const address = parseAddress(text);
  if (!address || address.length !== range.address.length) return false;
  const whole = range.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== range.address[i]) return false;
  const rest = range.bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return (address[whole]! & mask) === (range.address[whole]! & mask);
}
