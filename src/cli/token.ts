// `heddle token`: what a program on another machine shows for its first certificate.

import type { Command } from "commander";
import { isLoopback } from "../base/cidr.ts";
import { formatDuration } from "../base/duration.ts";
import { Failure } from "../base/failure.ts";
import type { Secret } from "../base/secret.ts";
import { exists } from "../ca/durable-file.ts";
import { type Grant, parseGrant } from "../ca/grant.ts";
import { AuthorityStore } from "../ca/store.ts";
import { DEFAULT_TOKEN_TTL_MS, JoinTokens } from "../ca/token.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { unwrap } from "../pki/parsed.ts";
import { namespaceOption, stateOption } from "./api-client.ts";
import { type ControlPlaneNote, readNote, stateFolder, statePaths } from "./state-folder.ts";
import { print, printError } from "./terminal.ts";
import { trustDomainName } from "./trust-domain.ts";
import { duration, name } from "./values.ts";

interface TokenOptions {
  readonly state?: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly trustDomain?: string;
  readonly ttl: number;
}

export function define(command: Command): void {
  command
    .addOption(namespaceOption())
    .option(
      "--service-account <name>",
      "the only one that the token is good for (default: any of the namespace)",
      name("--service-account"),
    )
    .option(
      "--ttl <duration>",
      "for so long it can be used to join; at most 24h",
      duration("--ttl", 1_000),
      DEFAULT_TOKEN_TTL_MS,
    )
    .option("--trust-domain <name>", "of the control plane, when none runs here", trustDomainName("--trust-domain"))
    .addOption(stateOption())
    .action((options: TokenOptions) => token(options));
}

async function token({ state, namespace, serviceAccount, trustDomain, ttl }: TokenOptions): Promise<void> {
  const folder = stateFolder(state);
  const domain = trustDomain ?? readNote(folder)?.trustDomain ?? DEFAULT_SETTINGS.trustDomain;
  const account = serviceAccount ?? "*";
  const grant = unwrap(parseGrant(`spiffe://${domain}/ns/${namespace}/sa/${account}`));
  await print((await mintToken(folder, grant, ttl)).reveal());
  await printError(usageText(readNote(folder), namespace, serviceAccount, ttl));
}

/** What to do with it; beside it, because scripts take standard output for the token. */
function usageText(
  note: ControlPlaneNote | undefined,
  namespace: string,
  serviceAccount: string | undefined,
  ttl: number,
): string {
  const { host, port } = note?.discovery ?? { host: "ADDRESS", port: 15_012 };
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const place = namespace === "default" ? "" : ` --namespace ${namespace}`;
  const name = serviceAccount ?? "NAME";
  return [
    `# good for ${formatDuration(ttl)}, for ${serviceAccount ?? "any service account"} in ${namespace}. On the other machine:`,
    `#   HEDDLE_TOKEN=… heddle run --control-plane ${address} --name ${name}${place} --port PORT -- COMMAND`,
    ...(isLoopback(host) || host === "localhost"
      ? [`# The control plane listens on ${host} alone: others reach it after \`heddle up --host ADDRESS\`.`]
      : []),
  ].join("\n");
}

/** A join token signed with the key in a state folder. Throws a Failure when no control plane was ever started with it. */
export function mintToken(folder: string, grant: Grant, ttlMs: number): Promise<Secret> {
  const { authority: authorityFolder } = statePaths(folder);
  if (!exists(authorityFolder)) {
    throw new Failure(`${folder} is not the state folder of a control plane: it has no authority`, {
      hint: "make the token where `heddle up` runs, or name its folder with --state or HEDDLE_STATE",
    });
  }
  const store = new AuthorityStore(authorityFolder);
  const { authority } = store.open(grant.kind === "identity" ? grant.id.trustDomain : grant.trustDomain, Date.now());
  return new JoinTokens(store.joinKey(), () => authority.bundle).issue(grant, ttlMs, Date.now());
}
