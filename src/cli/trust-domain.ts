// A trust domain as an option's value. Apart from values.ts, which every command loads: certificates' names bring their parser along.

import { EXIT, Failure } from "../base/failure.ts";
import { trustDomainFault } from "../pki/spiffe.ts";

export function trustDomainName(option: string): (value: string) => string {
  return (value) => {
    const fault = trustDomainFault(value);
    if (fault === undefined) return value;
    const hint = `lower-case letters, digits, - and ., as in ${option} prod.example.com`;
    throw new Failure(`${option} ${JSON.stringify(value)}: ${fault}`, { hint, exit: EXIT.usage });
  };
}
