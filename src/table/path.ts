// Path normalisation (RFC 3986 6.2.2, 6.2.3), before anything decides by the path: routes, policies and the application see one string.

/** `.` `\` and `%`: without one of them, and without `//`, a path is normal already. */
function needsWork(path: string, mergeSlashes: boolean): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 63 /* ? */) return false;
    if (code === 92 /* \ */ || code === 37 /* % */) return true;
    if (code !== 47 /* / */) continue;
    const next = path.charCodeAt(i + 1);
    if (next === 46 /* . */ || (mergeSlashes && next === 47)) return true;
  }
  return false;
}

/** Unreserved characters need no escape (RFC 3986 2.3); other escapes stay as they are, as in Envoy. */
function decodeUnreserved(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded;
  });
}

/** Servlet containers take `..;x` for `..` (CVE-2026-73551): a parameter of a dot segment means nothing else to anybody. */
function withoutParameters(segment: string): string {
  const end = segment.indexOf(";");
  return end === -1 ? segment : segment.slice(0, end);
}

function removeDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    const name = segment.charCodeAt(0) === 46 /* . */ ? withoutParameters(segment) : segment;
    const isDots = name === "." || name === "..";
    if (name === "..") kept.pop();
    else if (!isDots) kept.push(segment);
    if (last && isDots) kept.push("");
  });
  return `/${kept.join("/")}`;
}

/** After dots are gone: `..` takes an empty segment, too. Of slashes alone two are left (Envoy: PathUtil::mergeSlashes). */
function withoutEmptySegments(path: string): string {
  if (!path.includes("//")) return path;
  const segments = path.split("/").filter((segment) => segment !== "");
  return `/${segments.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

/** `%2F` and `%5C` of the path resolved, the query left alone. The path itself when it has none. */
export function unescapeSlashes(target: string): string {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  const unescaped = path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
  return unescaped === path ? target : unescaped + target.slice(path.length);
}

/**
 * Istio's BASE (and MERGE_SLASHES with `mergeSlashes`): `\` is `/`, escapes of unreserved characters are resolved, dot segments
 * removed. The query stays as it is. Undefined for an escape that is none or stands for NUL: nobody would agree on its meaning.
 */
export function normalizePath(target: string, mergeSlashes: boolean): string | undefined {
  if (!needsWork(target, mergeSlashes)) return target;
  const query = target.indexOf("?");
  const raw = query === -1 ? target : target.slice(0, query);
  if (/%(?![0-9a-fA-F]{2})|%00/.test(raw)) return undefined;
  const canonical = removeDots(decodeUnreserved(raw).replaceAll("\\", "/"));
  const path = mergeSlashes ? withoutEmptySegments(canonical) : canonical;
  return query === -1 ? path : path + target.slice(query);
}
