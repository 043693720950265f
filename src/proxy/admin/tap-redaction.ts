// What a tap does not show: whoever may look at traffic must not be able to take a user's session with it.

/** Fields whose values are credentials, by their names in lower case. */
const RULES: readonly RegExp[] = [
  /^(?:proxy-)?authorization$/,
  /^(?:set-)?cookie2?$/,
  /^x-(?:api|auth|access|csrf|xsrf|goog-api|functions)-?(?:key|token)$/,
  /(?:^|-)(?:token|secret|password|apikey|api-key|credential|credentials|jwt|assertion)$/,
  /^x-amz-security-token$/,
  /^x-forwarded-client-cert$/,
];

export const REDACTED = "[redacted]";

/** `more`: names that the request for the tap adds. */
export function redactedValue(name: string, value: string, more: ReadonlySet<string>): string {
  return more.has(name) || RULES.some((rule) => rule.test(name)) ? REDACTED : value;
}
