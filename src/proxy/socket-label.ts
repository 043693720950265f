// The two halves of an address as logs show it: `127.0.0.1:80`, `[::1]:80`.

function separator(label: string): number {
  const colon = label.lastIndexOf(":");
  return /^\d+$/.test(label.slice(colon + 1)) ? colon : -1;
}

/** Without port and brackets; the whole when there is no port in it. */
export function addressOf(label: string): string {
  const colon = separator(label);
  if (colon === -1) return label;
  const address = label.slice(0, colon);
  return address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
}

export function portOf(label: string): number | undefined {
  const colon = separator(label);
  return colon === -1 ? undefined : Number(label.slice(colon + 1));
}
