// What a captured program has been told of this machine's loopback interface, and will look for in vain on its own.

import { MACHINE_HOST } from "../agent/captured-names.ts";
import { logger } from "../base/log.ts";

const log = logger("run");

const LOOPBACK_PORT = /(?<![\w.-])(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})(?!\d)/g;

export interface Mention {
  /** The variable's name; "arguments" for those of the command. Values may be secret, but for what was found in them. */
  readonly where: string;
  readonly address: string;
  readonly instead: string;
}

/** `own`: ports on which something listens on the program's own loopback interface. */
export function loopbackMentions(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  own: readonly number[],
): readonly Mention[] {
  const texts: readonly (readonly [string, string])[] = [
    ["arguments", command.join(" ")],
    ...Object.entries(env).map(([name, value]) => [name, value ?? ""] as const),
  ];
  return texts.flatMap(([where, text]) =>
    [...text.matchAll(LOOPBACK_PORT)]
      .filter(([, port]) => !own.includes(Number(port)))
      .map(([address, port]) => ({ where, address, instead: `${MACHINE_HOST}:${port}` })),
  );
}

export function warnOfLoopback(mentions: readonly Mention[]): void {
  for (const mention of mentions)
    log.warn("a captured program's loopback interface is its own: programs of this machine have another address", {
      ...mention,
    });
}
