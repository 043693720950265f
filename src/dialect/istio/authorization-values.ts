// What one value of a source, an operation or a condition means. Each attribute reads its values in a way of its own
// (pilot/pkg/security/authz/model/generator.go).

import type { OperationCondition, SubjectCondition, TextMatch } from "../../model/authorization.ts";
import type { MeshSettings } from "../../model/settings.ts";

/** `pre*`, `*suf`, `*` or the value itself. */
export function textMatch(value: string, ignoreCase = false): TextMatch {
  const how = ignoreCase ? ({ ignoreCase } as const) : {};
  if (value === "*") return { kind: "present" };
  if (value.startsWith("*")) return { kind: "suffix", value: value.slice(1), ...how };
  if (value.endsWith("*")) return { kind: "prefix", value: value.slice(0, -1), ...how };
  return { kind: "exact", value, ...how };
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** `*` inside stands for anything, the rest for itself. */
function glob(value: string): string {
  return value.split("*").map(quoted).join(".*");
}

function identity(match: TextMatch): SubjectCondition {
  return { kind: "identity", match };
}

const SCHEME = "spiffe://";

/**
 * A principal in the trust domain or one of its aliases is one in all of them; `cluster.local` is the trust domain whatever its name is
 * (pilot/pkg/security/trustdomain/trust-domain.go).
 */
function withAliases(value: string, { trustDomain, trustDomainAliases }: MeshSettings): readonly string[] {
  const slash = value.indexOf("/");
  if (value.startsWith("*") || slash === -1) return [value];
  const own = [trustDomain, ...trustDomainAliases];
  const domain = value.slice(0, slash);
  const matches = textMatch(domain);
  const isOurs =
    domain === "cluster.local" ||
    own.some((name) => (matches.kind === "exact" ? name === domain : name.startsWith(domain.replace(/\*$/, ""))));
  if (!isOurs || domain.endsWith("*")) return [value];
  return [...new Set(own)].map((name) => name + value.slice(slash));
}

export function principal(value: string, settings: MeshSettings): SubjectCondition {
  const conditions = withAliases(value, settings).map((name): SubjectCondition => {
    if (name === "*") return identity({ kind: "present" });
    // The scheme is no part of what was written, so that a suffix is one of what comes behind it.
    if (name.startsWith("*")) return identity({ kind: "regex", value: `${SCHEME}.*${quoted(name.slice(1))}` });
    const match = textMatch(name);
    return identity(
      match.kind === "prefix" || match.kind === "exact" ? { ...match, value: SCHEME + match.value } : match,
    );
  });
  return conditions.length === 1 ? conditions[0]! : { kind: "some", conditions };
}

export function ofNamespace(value: string): SubjectCondition {
  return identity({ kind: "regex", value: `.*/ns/${glob(value)}/.*` });
}

export function ofTrustDomain(value: string): SubjectCondition {
  return identity({ kind: "regex", value: `${SCHEME}${glob(value)}/.*` });
}

/** `namespace/name`, or a name in the policy's own namespace. Undefined when it is neither. */
export function serviceAccount(value: string, namespace: string): SubjectCondition | undefined {
  const parts = value.split("/");
  if (parts.length > 2 || parts.includes("") || value.includes("*")) return undefined;
  const [owner, name] = parts.length === 2 ? parts : [namespace, value];
  const text = `${SCHEME}.+/ns/${quoted(owner!)}/(.+/|)sa/${quoted(name!)}(/.+)?`;
  return identity({ kind: "regex", value: text });
}

function claim(path: readonly string[], match: TextMatch): SubjectCondition {
  return { kind: "claim", path, match };
}

/** `issuer/subject`, parted at the last slash: an issuer is a URL. */
export function requestPrincipal(value: string): SubjectCondition {
  const slash = value.lastIndexOf("/");
  const parts = (issuer: TextMatch, subject: TextMatch): SubjectCondition => ({
    kind: "all",
    conditions: [claim(["iss"], issuer), claim(["sub"], subject)],
  });
  const any: TextMatch = { kind: "present" };
  if (slash !== -1) return parts(textMatch(value.slice(0, slash)), textMatch(value.slice(slash + 1)));
  const match = textMatch(value);
  if (match.kind === "prefix") return parts(match, any);
  if (match.kind === "suffix") return parts(any, match);
  // Without a slash it is no principal, and nobody has it.
  return match.kind === "present" ? parts(any, any) : { kind: "some", conditions: [] };
}

export function claimOf(path: readonly string[], value: string): SubjectCondition {
  return claim(path, textMatch(value));
}

export function isTemplate(path: string): boolean {
  return path.includes("{") || path.includes("}");
}

/** What keeps a path with braces from being a template. */
export function templateProblem(path: string): string | undefined {
  const segments = path.split("/");
  if (segments[0] !== "") return "it does not begin with a slash";
  const rest = segments.slice(1);
  const mixed = rest.find((segment) => /[*{}]/.test(segment) && segment !== "{*}" && segment !== "{**}");
  if (mixed !== undefined) return `{*} and {**} are whole segments, not part of "${mixed}"`;
  const first = rest.indexOf("{**}");
  const after = first === -1 ? [] : rest.slice(first + 1);
  return after.some((segment) => segment.startsWith("{")) ? "nothing but text may come after {**}" : undefined;
}

/** What Envoy's UriTemplateMatcher takes for a character of a segment (RFC 3986 pchar without `*`). */
const SEGMENT = "[a-zA-Z0-9\\-._~%!$&'()+,;:@=]";

/** As the expression that Envoy's UriTemplateMatcher makes of it: one matcher for both proxies. */
function templateRegex(path: string): string {
  return path
    .split("/")
    .map((segment) => {
      if (segment === "{*}") return `${SEGMENT}+`;
      if (segment === "{**}") return `${SEGMENT.slice(0, -1)}/]*`;
      return quoted(segment);
    })
    .join("/");
}

export function path(value: string): OperationCondition {
  const match: TextMatch = isTemplate(value) ? { kind: "regex", value: templateRegex(value) } : textMatch(value);
  return { kind: "path", match };
}

export function host(value: string): OperationCondition {
  return { kind: "host", match: textMatch(value, true) };
}

export function method(value: string): OperationCondition {
  return { kind: "method", match: textMatch(value) };
}
